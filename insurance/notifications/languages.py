"""The languages that mail may be written in."""

from enum import StrEnum


class Language(StrEnum):
    """An official language of South Africa that mail is offered in, by its code (ISO 639-1)."""

    ENGLISH = "en"
    AFRIKAANS = "af"
    ISIZULU = "zu"
    ISIXHOSA = "xh"
    SESOTHO = "st"

    @property
    def spoken_name(self) -> str:
        """Return what its speakers call it."""
        return _TITLES[self]


_TITLES = {
    Language.ENGLISH: "English",
    Language.AFRIKAANS: "Afrikaans",
    Language.ISIZULU: "isiZulu",
    Language.ISIXHOSA: "isiXhosa",
    Language.SESOTHO: "Sesotho",
}
