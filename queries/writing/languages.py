"""Which languages we have words of our own for, and what others are called."""

import re

from kg.errors import InputError
from queries.writing.english import ENGLISH
from queries.writing.german import GERMAN
from queries.writing.phrases import Phrases

OWN = {"en": ENGLISH, "de": GERMAN}
_NAMES = {
    "ar": "Arabic",
    "cs": "Czech",
    "da": "Danish",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "sv": "Swedish",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "zh": "Chinese",
}


def own_words(language: str) -> Phrases:
    """Return the phrases of a language; English where we have none of it."""
    return OWN.get(language, ENGLISH)


def name_of(language: str) -> str:
    """Return what a language is called in English.

    Raises:
        InputError: it is no code of a language, such as `de`.
    """
    if not re.fullmatch(r"[a-z]{2,3}", language):
        raise InputError(f"language {language!r}: expected a code of two letters, such as en or de")
    return OWN[language].name if language in OWN else _NAMES.get(language, f"language {language!r}")
