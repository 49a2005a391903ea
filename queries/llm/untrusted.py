"""Texts of a catalogue as data: whatever they hold, none of it may order a language model about."""

import base64
import binascii
import html
import json
import re
import unicodedata
from typing import Any

MAX_TITLE = 120  # characters
MAX_TEXT = 300

_LINKS = re.compile(
    r"(?:https?|ftp|data|javascript|file|mailto|hxxps?)\s*:\s*\S+"
    r"|\bwww\.\S+"
    r"|\b[\w.+-]+@[\w-]+\.[\w.-]+"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|net|org|info|biz|example|test|onion|xyz|top|ru|cn|io|co|ai|app|dev"
    r"|me|ly|to|de|uk|shop|site|online|link|click)\b(?:/\S*)?",
    re.IGNORECASE,
)
_MARKDOWN_LINK = re.compile(r"!?\[([^\]]{0,200})\]\s*\([^)]{0,2000}\)")
_TAG = re.compile(r"</?[a-zA-Z!][^<>]{0,2000}>|<!--.*?-->|<\|[^|>]{0,100}\|>|<</?\w+>>")
_TEMPLATE = re.compile(
    r"<\|[^|>]{0,100}\|>|\[/?\s*(?:inst|system|sys|user|assistant)\s*\]|<</?\s*sys\s*>>"
    r"|</?\s*(?:s|bos|eos|system|user|assistant|human|facts|data|item|text|instructions?|prompt"
    r"|im_start|im_end|start_of_turn|end_of_turn|tool_?calls?|function_?calls?|think)\s*/?>"
    r"|#{2,}\s*(?:new\s+)?(?:instructions?|response|system|human|assistant|user)\b"
    r"|\{\{.*?\}\}|\"(?:tool|function)_?(?:calls?|name)?\"\s*:",
    re.IGNORECASE | re.DOTALL,
)
# Words that order, then, soon after, what they order about. English, German, French, Spanish,
# Italian; texts are folded before, so that there are no accents.
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass|overwrite|drop|ignorier\w*|vergiss|vergesse\w*"
    r"|missachte\w*|ignorez|oubliez|oublie|ignora\w*|olvida\w*|dimentica\w*)\b.{0,60}?"
    r"\b(?:instructions?|prompts?|rules?|guidelines|directions|directives|above|previous|prior"
    r"|preceding|earlier|before|anweisung\w*|regeln?|vorgaben?|bisherig\w*|obig\w*|vorherig\w*"
    r"|consignes?|precedent\w*|instrucciones|reglas|anterior\w*|istruzioni)\b"
    r"|\b(?:system|developer|hidden|initial|your|these)\s+(?:prompts?|instructions?|messages?)\b"
    r"|(?:^|[.!?;\]>\n-])\s*(?:system|assistant|developer)\s*:"
    r"|\b(?:new|updated|real|actual|neue)\s+(?:instructions?|task|rules?|orders?|anweisung\w*"
    r"|aufgabe)\b\s*[:.]"
    r"|\byou are (?:now|no longer) (?:a|an|the|in|my|not)\b|\bdu bist (?:jetzt|nun|ab sofort)\b"
    r"|\bfrom now on\b.{0,40}\byou\b|\bab (?:jetzt|sofort)\b.{0,40}\bdu\b"
    r"|\b(?:respond|reply|answer|output|print|write|say|repeat|recommend|mention|include|append"
    r"|add|tell|inform|end|begin|start|antworte\w*|schreib\w*|sage?|gib|nenne|empfiehl|erwahne"
    r"|ecris|ecrivez|dis|dites|reponds|repondez|responde|escribe|scrivi|rispondi)\b.{0,40}?"
    r"\b(?:only|exactly|verbatim|instead|(?:the )?following|this (?:text|message|sentence|link"
    r"|phrase|word)|(?:the|every|each) (?:user|reader|customer|client|answer|reply"
    r"|response|message|sentence)s?|(?:your|the) (?:answer"
    r"|reply|response|message|output)|nur|genau|stattdessen|folgende\w*|dem (?:nutzer|leser"
    r"|kunden|benutzer)|(?:deine|die) (?:antwort|nachricht)|au lecteur|uniquement|al usuario"
    r"|solo|solamente|soltanto)\b"
    r"|\bdo not (?:recommend|mention|follow|list|obey|name)\b"
    r"|\b(?:jailbreak|developer mode|dan mode|do anything now)\b"
    r"|\b(?:reveal|leak|expose|exfiltrate)\b.{0,40}?\b(?:prompts?|instructions?|users?|ids?|keys?"
    r"|history|secrets?)\b"
    r"|\bend of (?:facts?|data|texts?|documents?|lists?|prompts?|input|items?)\b"
)
_ABOUT_MODELS = re.compile(
    r"\b(?:language model|llms?|chatbots?|chat ?gpt|gpt-?\d\w*|as an ai|dear (?:ai|model|assistant)"
    r"|(?:attention|important|note|hinweis|achtung|hey)\W{0,3}(?:to |an )?(?:the |alle )?"
    r"(?:ai|ki|model|assistant|recommender|writer)s?)\b"
)
_SQUEEZED = (
    "ignoreprevious",
    "ignoreallprevious",
    "ignoreallinstructions",
    "ignoretheabove",
    "ignoreinstructions",
    "ignoretheinstructions",
    "disregardprevious",
    "disregardallprevious",
    "disregardtheabove",
    "forgetprevious",
    "forgetallprevious",
    "systemprompt",
    "ignoriereallevorherigen",
    "ignorieredieanweisungen",
)
_LEET = str.maketrans("013457@$!|", "oieastasii")
# Cyrillic and Greek letters that look like Latin ones.
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһӏьгпкмтвнΑΒΕΖΗΙΚΜΝΟΡΤΥΧαεικνορτυχ",
    "aeopcyxijsdhlbrnkmtbhabezhikmnoptyxaeiknoptux",
)
_BLOB = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Return a text as plain words: no control characters, tags, links or template tokens.

    It is cut at the end of a word, where an ellipsis says so.
    """
    text = unicodedata.normalize("NFC", html.unescape(text[: 20 * limit]))
    text = "".join(" " if _is_hidden(letter, spaces=True) else letter for letter in _seen(text))
    for _ in range(3):  # what is left after one removal must not be what another removes
        before = text
        text = _MARKDOWN_LINK.sub(r" \1 ", text)
        text = _TEMPLATE.sub(" ", _TAG.sub(" ", text))
        text = _LINKS.sub(" ", text)
        if text == before:
            break
    else:
        text = text.replace("<", " ").replace(">", " ")
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(" ", 1)[0].rstrip(" ,;:-\u2013") + "…"


def clean_title(title: str) -> str:
    """Return a title as plain words, without double quotes: in prose it stands in them."""
    return re.sub(r'["“”„«»]', "\u2019", clean(title, MAX_TITLE)).replace("`", "\u2019")


def beginning(text: str, title: str, limit: int = MAX_TEXT) -> str:
    """Return the beginning of an item's text as plain words, without the title it may begin with.

    Empty where the text, alone or after the title, gives orders.
    """
    if gives_orders(text) or gives_orders(f"{title} {text}"):
        return ""
    plain, name = clean(text, limit), clean(title)
    if plain.casefold().startswith(name.casefold()):
        plain = plain[len(name) :].lstrip(" .:;,\u2013-|")
    return plain


def gives_orders(text: str, *, title: bool = False) -> bool:
    """Whether a text speaks to a language model: tokens of chats, orders, hidden words.

    Made to find too much rather than too little: a text that is found is not used, its title is.

    Args:
        text: as it came.
        title: of a title; there, words about language models are no sign.
    """
    text = html.unescape(text)
    if _TEMPLATE.search(text) or _has_hidden_letters(text) or _has_blob(text):
        return True
    # Orders may stand around a link or a tag that is longer than what is looked at at once.
    plain = f"{folded(text)}\n{folded(clean(text, len(text)))}"
    if _ORDERS.search(plain) or (not title and _ABOUT_MODELS.search(plain)):
        return True
    squeezed = re.sub(r"[^a-z]", "", plain.translate(_LEET))
    return any(phrase in squeezed for phrase in _SQUEEZED)


def has_link(text: str) -> bool:
    """Whether a text holds an address of the web or of mail, or markup that makes a link."""
    text = "".join(_seen(unicodedata.normalize("NFKC", html.unescape(text))))
    return bool(_LINKS.search(text) or _MARKDOWN_LINK.search(text))


def has_markup(text: str) -> bool:
    """Whether a text holds tags, template tokens, or characters that are not seen."""
    raw = html.unescape(text)
    return bool(_TAG.search(raw) or _TEMPLATE.search(raw)) or any(
        _is_hidden(letter, spaces=False) for letter in raw
    )


def folded(text: str) -> str:
    """Return a text in lower case without accents, look-alikes and unseen characters."""
    if text.isascii():
        return " ".join(text.casefold().split())
    text = unicodedata.normalize("NFKD", "".join(_seen(text)).translate(_LOOKALIKES))
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    return " ".join(text.casefold().translate(_LOOKALIKES).split())


def quoted(value: Any) -> str:
    """Return a value as JSON that cannot close what it stands in."""
    return json.dumps(value, ensure_ascii=False, indent=1).replace("<", "\\u003c")


def _seen(text: str) -> list[str]:
    """Return the characters of a text without those of no width."""
    return [letter for letter in text if unicodedata.category(letter) not in ("Cf", "Co", "Cs")]


def _is_hidden(letter: str, *, spaces: bool) -> bool:
    """Whether a character is not seen; `spaces` says if line ends count as such."""
    if letter in "\n\t\r":
        return spaces
    return unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")


def _has_hidden_letters(text: str) -> bool:
    """Whether letters are written invisibly: tag characters, or many of no width."""
    if any(0xE0000 <= ord(letter) <= 0xE007F for letter in text):
        return True
    no_width = sum(letter in "\u200b\u200c\u2060\ufeff\u202d\u202e\u2066\u2067" for letter in text)
    return no_width > 2


def _has_blob(text: str) -> bool:
    """Whether a text holds readable words in base64."""
    for blob in _BLOB.findall(text)[:20]:
        try:
            raw = base64.b64decode(blob + "=" * (-len(blob) % 4), altchars=b"-_")
            words = raw.decode("utf-8")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            continue
        if words.isprintable() and " " in words:
            return True
    return False
