"""The words of a mail before its values are put in: the product's own, or an organization's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from insurance.notifications.languages import Language
from insurance.notifications.texts import TEXTS
from insurance.notifications.translations import TRANSLATIONS

PLACE = re.compile(r"\{([a-z_]+)\}", re.ASCII)
"""Where a value stands: a name in braces, and nothing that could be asked of the value."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Subject and body in a language, with places for values; the product's own has no `version`."""

    subject: str
    body: str
    language: Language = Language.ENGLISH
    version: int | None = None

    @property
    def names(self) -> frozenset[str]:
        """Return the names of the values that it has places for."""
        return frozenset(PLACE.findall(self.subject + self.body))

    def fill(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Return subject and body with the values in their places; a value is never read as words."""
        return _fill(self.subject, values), _fill(self.body, values)


def shipped_wording(kind: str, language: Language = Language.ENGLISH) -> Wording | None:
    """Return the product's own words of a kind, or None where it has none in the language."""
    found = TEXTS.get(kind) if language is Language.ENGLISH else TRANSLATIONS.get((kind, language))
    return Wording(*found, language) if found else None


def _fill(words: str, values: Mapping[str, str]) -> str:
    return PLACE.sub(lambda place: values[place[1]], words)
