"""What may be written in a mail: plain words, and places for the values that its kind has."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from insurance.core.errors import DomainError, raise_all
from insurance.core.text import visible
from insurance.message_templates.kinds import Variable
from insurance.notifications.texts import PERSONAL
from insurance.notifications.wordings import PLACE, Wording

LONGEST_SUBJECT, LONGEST_BODY = 200, 5000
_BRACES = re.compile(r"\{[^{}\n]*\}|[{}]")
_CODE = ("{{", "}}", "{%", "%}", "{#", "#}", "${", "<%", "%>")
_LINE_ENDS = re.compile(r"\r\n?")


def check_wording(kind: str, wording: Wording, variables: Mapping[str, Variable]) -> Wording:
    """Return words as they are kept. Raises DomainErrors at what is wrong, in words.

    Only places for values that the kind has may stand in them; one that a notice is worthless
    without must. A personal link stands in the body alone, which nobody else reads.
    """
    subject = wording.subject.strip()
    body = _LINE_ENDS.sub("\n", wording.body).strip()
    problems = [
        *_problems_of(subject, "subject", LONGEST_SUBJECT, variables),
        *_problems_of(body, "body", LONGEST_BODY, variables),
    ]
    if kind in PERSONAL and "link" in PLACE.findall(subject):
        problems.append(
            DomainError("The personal link stands in the text, not here.", field="subject")
        )
    there = set(PLACE.findall(body))
    missing = [name for name, one in variables.items() if one.is_required and name not in there]
    if missing and body:
        says = f"This mail must say {_listed(missing)}. Put it into the text."
        problems.append(DomainError(says, field="body"))
    raise_all(problems)
    return Wording(subject, f"{body}\n", wording.language, wording.version)


def may_be_sent(wording: Wording, variables: Mapping[str, Variable]) -> bool:
    """Tell whether words that were saved once have places only for values that there still are."""
    return wording.names <= variables.keys()


def _problems_of(
    words: str, field: str, longest: int, variables: Mapping[str, Variable]
) -> list[DomainError]:
    if not words:
        return [DomainError("This must not be empty.", field=field)]
    if len(words) > longest:
        return [DomainError(f"At most {longest} characters.", field=field)]
    if any(_is_control(letter, field) for letter in words) or visible(words) != words:
        says = "Remove the line breaks and characters that cannot be printed or seen."
        return [DomainError(says, field=field)]
    if any(sign in words for sign in _CODE):
        return [
            DomainError(
                "A mail holds words and values, no code: no loops, conditions or expressions. Write"
                f" a value as its name between single braces. {_allowed(variables)}",
                field=field,
            )
        ]
    return [
        DomainError(_refusal(found, variables), field=field)
        for found in dict.fromkeys(_BRACES.findall(words))
        if not (place := PLACE.fullmatch(found)) or place[1] not in variables
    ]


def _refusal(found: str, variables: Mapping[str, Variable]) -> str:
    if found in "{}":
        return f"A brace stands alone. {_allowed(variables)}"
    shown = found if len(found) <= 60 else f"{found[:57]}…"
    return f"There is no value {shown} in this mail. {_allowed(variables)}"


def _allowed(variables: Mapping[str, Variable]) -> str:
    return f"There are {_listed(variables)}."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def _is_control(letter: str, field: str) -> bool:
    if field == "body" and letter in "\n\t":
        return False
    return unicodedata.category(letter) in ("Cc", "Zl", "Zp")
