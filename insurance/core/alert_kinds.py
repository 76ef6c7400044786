"""What people are told of: kinds of alerts, declared by areas in their `alert_kinds.py`."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlertKind:
    """A kind of alert: what it is called where it is switched off, whom it tells, and its words.

    `text` has places for values. `pages` are the endpoints that show what an alert is about, and
    what each calls the id, by resource.
    """

    code: str
    name: str
    who: str
    text: str
    pages: Mapping[str, tuple[str, str]]


_KINDS: dict[str, AlertKind] = {}


def alert_kind(kind: AlertKind) -> AlertKind:
    """Make a kind known, once, and return it."""
    if _KINDS.setdefault(kind.code, kind) != kind:
        raise ValueError(f"{kind.code} is declared already.")
    return kind


def list_alert_kinds() -> list[AlertKind]:
    """Return what all areas declare, by name."""
    return sorted(_KINDS.values(), key=lambda kind: kind.name)


def find_alert_kind(code: str) -> AlertKind | None:
    """Return the kind of a code; None where nobody declares it any more."""
    return _KINDS.get(code)
