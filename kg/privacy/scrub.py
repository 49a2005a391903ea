"""E-mail addresses and phone numbers taken out of texts; ISBNs, years, dates and prices stay.

Arrow finds the rows that may hold one; only these are looked at singly, where what looks like a
number to dial but is a date, a price, or a book or article number with a valid check digit is told
apart.
"""

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kg.tables.values import mask_of

Put = Callable[[re.Match[str]], str]  # what is put in place of a match
EMAIL, PHONE = "[e-mail]", "[phone]"

# RE2 (Arrow) knows no lookaround, so these find more than is taken out
_MAYBE_EMAIL = r"@|(?i)[(\[{]\s*at\s*[)\]}]"
_MAYBE_PHONE = r"\p{Nd}(?:[\s\p{Z}().\-\x{2010}-\x{2015}/]*\p{Nd}){5}"

# bounded, so that no text takes quadratic time
_AT = r"(?:@|\s{0,3}[(\[{]\s{0,3}at\s{0,3}[)\]}]\s{0,3})"
_DOT = r"(?:\.|\s{0,3}[(\[{]\s{0,3}dot\s{0,3}[)\]}]\s{0,3})"
_EMAIL = re.compile(
    rf"[\w.+%'*!#$&/=?^`{{|}}~-]{{1,64}}{_AT}[\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}})+", re.IGNORECASE
)

_GAP = r"[\s\u00a0().\-\u2010-\u2015/]{0,3}"  # between two digits of one number
_WORD = "tel|telephone|téléphone|telefon|telefono|teléfono|phone|fon|fax|mob|mobile|cell|whatsapp"
_ALONE = r"(?<![\w.,/+-])(?<!\d[ ])"  # no part of a word, a decimal number, a path, a list
_END = r"(?![-.]?\w)"  # nor the first half of 05471 1000-Watt
_PHONE = re.compile(
    rf"""
    (?: (?<![\w+])\(?\+ | {_ALONE}00 ) [ ]? \(? (?!0)\d (?:{_GAP}\d){{6,14}} (?!\d)  # +49 30 …
    | \b(?:{_WORD}) (?:[ ](?:no|nr|number))? [ ]? [.:\#]+ \s{{0,3}}                # Tel.: 555 1234
      (?P<called> \(?\d (?:{_GAP}\d){{5,14}} ) (?!\d)
    | {_ALONE} \(\d{{2,5}}\) [ ]? \d (?:{_GAP}\d){{4,10}} {_END}                  # (555) 010-9999
    | {_ALONE} (?:1[ .-])? [2-9]\d\d (?P<gap>[ .-]) \d{{3}} (?P=gap) \d{{4}} {_END}  # 555-010-9999
    | {_ALONE} (?P<national>                                                      # 030 123 4567
        0\d{{1,4}} (?:[ ]?[/-][ ]?|[ ]) \d{{2,9}} (?:[ -]\d{{2,4}}){{0,4}} (?:-\d)?
        | 0\d (?:\.\d\d){{4}} | 0\d{{9,10}} ) {_END}
    """,
    re.IGNORECASE | re.VERBOSE,
)
_DATE = re.compile(r"(?<!\d)(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4})(?!\d)")
_PRICED = re.compile(r"(?:[€$£¥₹]|\b(?:EUR|USD|GBP|CHF|JPY))\s?$", re.IGNORECASE)
_NUMBERED = re.compile(r"\b(?:ISBN|ISSN|ASIN|EAN|UPC|GTIN|DOI)(?:-1[03])?\W{0,3}$", re.IGNORECASE)
_WORTH = re.compile(r"\s?(?:[€$£¥₹%]|(?:EUR|USD|GBP|CHF|JPY)\b)|[.,]\d", re.IGNORECASE)


def scrub(column: Any) -> Any:
    """Return a string column in which addresses and numbers are `[e-mail]` and `[phone]`.

    Scrubbing twice is scrubbing once. Null stays null.

    Args:
        column: Arrow strings.
    """
    for maybe, found, put in (
        (_MAYBE_EMAIL, _EMAIL, lambda match: EMAIL),
        (_MAYBE_PHONE, _PHONE, _phone),
    ):
        suspects = mask_of(pc.match_substring_regex(column, maybe))
        if suspects.any():
            texts = column.filter(pa.array(suspects)).to_pylist()
            clean = pa.array([_until_clean(found, put, text) for text in texts], pa.string())
            column = pc.replace_with_mask(column, pa.array(suspects), clean)
    return column


def _until_clean(found: re.Pattern[str], put: Put, text: str) -> str:
    # a number may hide the next one: what stands behind another number is none by itself
    while (clean := found.sub(put, text)) != text:
        text = clean
    return text


def _phone(match: re.Match[str]) -> str:
    text, called = match.group(), match.group("called")
    if called is not None:
        return text[: -len(called)] + PHONE
    if match.group("national") is not None and not 9 <= sum(map(str.isdecimal, text)) <= 13:
        return text
    before = match.string[max(0, match.start() - 12) : match.start()]
    if _PRICED.search(before) or _NUMBERED.search(before):
        return text
    if _WORTH.match(match.string, match.end()) or _DATE.search(text) or _is_article(text):
        return text
    return PHONE


def _is_article(text: str) -> bool:
    """Tell whether digits are an ISBN or another article number, by the check digit."""
    if text.startswith(("+", "(", "00")):
        return False
    digits = [int(sign) for sign in text if sign.isdecimal()]
    if len(digits) == 10 and re.fullmatch(r"\d+|[\d-]+-\d", text):
        return sum((10 - i) * digit for i, digit in enumerate(digits)) % 11 == 0
    if len(digits) in (8, 12, 13, 14) and text.isdecimal():
        return sum(digit * (3, 1)[i % 2] for i, digit in enumerate(digits[-2::-1])) % 10 == (
            -digits[-1] % 10
        )
    return False
