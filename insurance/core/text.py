"""Text as people write it, in any script: what is taken away at the edge, and how names compare."""

import re
import unicodedata

_UNSEEN = re.compile(
    # Directions (bidi), zero widths, soft hyphens, tags, and letters that draw nothing.
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",
        "ħ": "h",
        "ŋ": "n",
        "ʼ": "'",
        "’": "'",
        "‘": "'",
        "–": "-",
        "—": "-",
        "‐": "-",
        "\u2011": "-",
    }
)
_CAPITALS = str.maketrans(
    {"Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "Th", "Æ": "Ae", "Œ": "Oe", "İ": "I", "Ħ": "H"}
    | {"Ŋ": "N", "ß": "ss", "ẞ": "Ss"}
)
_JOINED = re.compile(r"\b(month|non) (?=end|payment)", re.IGNORECASE)
_SHORT = re.compile(r"\b(?:api|cli|cpi|mfa|sms|vat)\b", re.IGNORECASE)
# Scripts that set no space between words: each of their characters is a word of its own here.
_UNSPACED = re.compile(
    "([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003fffd])"
)
# Accents over Latin, Greek and Cyrillic letters, and the points of Hebrew and Arabic. The marks of
# other scripts are vowels and make another name.
_ACCENT_CLASSES = frozenset([*range(10, 36), *range(200, 241)])


def visible(text: str) -> str:
    """Return text without characters that nobody sees: bidi controls, zero widths, fillers.

    With them two names or references look alike and are not the same, or read backwards.
    """
    return _UNSEEN.sub("", text)


def name_key(text: str) -> str:
    """Return a name as it is compared and searched: no case, accents or punctuation, any script.

    Latin letters with marks become plain ones; Chinese, Japanese and Korean characters stand
    apart. A name with a letter or digit in any script never becomes empty.
    """
    folded = unicodedata.normalize("NFKC", visible(text)).casefold().translate(_LETTERS)
    parts = unicodedata.normalize("NFD", folded)
    bare = "".join(part for part in parts if unicodedata.combining(part) not in _ACCENT_CLASSES)
    plain = unicodedata.normalize("NFC", bare)
    kept = "".join(one if _is_of_word(one) else " " for one in plain)
    return " ".join(_UNSPACED.sub(r" \1 ", kept).split())


def latin_text(text: str) -> str | None:
    """Return text in plain Latin letters as a bank file holds it, or None where it cannot be read.

    Accents are left off and `ß` is `ss`; a name in another script has no spelling that we may
    choose for its bearer.
    """
    parts = unicodedata.normalize("NFKD", visible(text).translate(_CAPITALS).translate(_LETTERS))
    bare = "".join(part for part in parts if not unicodedata.combining(part))
    written = " ".join(bare.split())
    is_legible = written.isascii() and written.isprintable()
    return written if is_legible and re.search("[A-Za-z0-9]", written) else None


def _is_of_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")


def code_in_words(code: object) -> str:
    """Return a code as words: `MAIN_MEMBER` as `Main member`, `VAT_OUTPUT` as `VAT output`."""
    text = str(code).replace("_", " ").replace(".", " ").strip()
    text = _JOINED.sub(r"\1-", text[:1].upper() + text[1:].lower())
    return _SHORT.sub(lambda short: short[0].upper(), text)


def slug_of(name: str, longest: int = 60) -> str:
    """Return a slug made from a name: "Funeral Family Plan" gives funeral-family-plan."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:longest].rstrip("-")
