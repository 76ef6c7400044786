"""What two texts of a mail say differently, line by line."""

from collections.abc import Iterator
from difflib import ndiff

from insurance.notifications.wordings import Wording

BEFORE, AFTER, BOTH = "-", "+", " "


def differences(before: Wording, after: Wording) -> Iterator[tuple[str, str]]:
    """Yield each line with the text that it stands in, the subject first."""
    for line in ndiff(_lines(before), _lines(after)):
        if line[0] != "?":
            yield line[0], line[2:]


def _lines(wording: Wording) -> list[str]:
    return [f"Subject: {wording.subject}", *wording.body.split("\n")[:-1]]
