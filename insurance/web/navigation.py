"""The left rail: what there is, who may see it, and the key that leads there."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from flask import Flask, current_app, g, request, url_for

from insurance.core.context import current_actor
from insurance.core.permissions import May

GROUPS = ("", "Serve", "Money", "Know", "Build", "Control")
"""The kinds of work, from the top of the rail down."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the rail, in its place of a group. `key` follows g: g p leads to Policies."""

    name: str
    endpoint: str
    permission: May
    icon: str
    group: str
    place: int
    key: str = ""

    @property
    def url(self) -> str:
        """Return the address in the current organization."""
        return _address(self.endpoint, g.get("org_slug"), request.script_root)

    @property
    def blueprint(self) -> str:
        """Return the screens that the entry belongs to."""
        return self.endpoint.split(".")[0]

    @property
    def is_current(self) -> bool:
        """Tell whether the request is for this entry or something under it."""
        blueprint = self.blueprint
        if blueprint in ("people", "settings"):
            return request.endpoint == self.endpoint
        if blueprint != request.blueprint:
            return False
        nearest = max(
            (one for one in _entries() if one.blueprint == blueprint),
            key=lambda one: request.path.startswith(one.url) * len(one.url),
        )
        return nearest.endpoint == self.endpoint


@lru_cache(8192)
def _address(endpoint: str, _slug: str | None, _root: str) -> str:
    """Return where an entry leads: to the same place for all of an organization, for good."""
    return url_for(endpoint)


def use_entries(app: Flask, entries: Iterable[Entry]) -> None:
    """Let the rail of an application have these entries; areas give theirs as `RAIL`."""
    app.extensions["rail"] = sorted(
        entries, key=lambda one: (GROUPS.index(one.group), one.place, one.name)
    )


def _entries() -> list[Entry]:
    return current_app.extensions["rail"]  # type: ignore[no-any-return]


def rail() -> list[tuple[str, list[Entry]]]:
    """Return the groups and entries that the person may see."""
    may = current_actor().may
    seen = [one for one in _entries() if may(one.permission)]
    return [(name, list(entries)) for name, entries in groupby(seen, lambda one: one.group)]
