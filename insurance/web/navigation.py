"""The left rail: what there is, who may see it, and the key that leads there."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from flask import Flask, current_app, g, render_template, request, url_for
from markupsafe import Markup

from insurance.core.context import current_actor
from insurance.core.permissions import Permission

GROUPS = ("", "Serve", "Money", "Know", "Build", "Control")
"""The kinds of work, from the top of the rail down."""


@dataclass(frozen=True, slots=True)
class RailEntry:
    """One entry of the rail, in its place of a group. `key` follows g: g p leads to Policies.

    Who may see it, but has none of the permissions `works`, finds it behind "More".
    """

    name: str
    endpoint: str
    permission: Permission
    icon: str
    group: str
    place: int
    key: str = ""
    works: tuple[Permission, ...] = ()

    @property
    def url(self) -> str:
        """Return the address in the current organization."""
        return _address(self.endpoint, g.get("org_slug"), request.script_root)

    @property
    def blueprint(self) -> str:
        """Return the screens that the entry belongs to."""
        return self.endpoint.split(".")[0]


@lru_cache(8192)
def _address(endpoint: str, _slug: str | None, _root: str) -> str:
    """Return where an entry leads: to the same place for all of an organization, for good."""
    return url_for(endpoint)


def use_entries(app: Flask, entries: Iterable[RailEntry]) -> None:
    """Let the rail of an application have these entries; areas give theirs as `RAIL`."""
    app.extensions["rail"] = sorted(
        entries, key=lambda one: (GROUPS.index(one.group), one.place, one.name)
    )


def _entries() -> list[RailEntry]:
    return current_app.extensions["rail"]  # type: ignore[no-any-return]


def rail() -> list[tuple[str, list[RailEntry]]]:
    """Return the groups and entries that the person may see."""
    may = current_actor().may
    seen = [entry for entry in _entries() if may(entry.permission)]
    return [(name, list(entries)) for name, entries in groupby(seen, lambda one: one.group)]


def menu() -> Markup:
    """Return the rail for the person, with the entry that the request is under marked."""
    actor = current_actor()
    return _menu(actor.permissions, _current(), g.get("org_slug"), request.script_root)


@lru_cache(1024)
def _menu(
    _permissions: frozenset[Permission], current: str, _slug: str | None, _root: str
) -> Markup:
    """Return a rail that is the same for everybody who may do the same in an organization."""
    may = current_actor().may
    seen = [entry for _group, entries in rail() for entry in entries]
    worked = [entry for entry in seen if not entry.works or any(map(may, entry.works))]
    return Markup(  # noqa: S704 - escaped
        render_template(
            "menu.html",
            groups=[(name, list(part)) for name, part in groupby(worked, lambda one: one.group)],
            more=[entry for entry in seen if entry not in worked],
            current=current,
        )
    )


def _current() -> str:
    """Return the endpoint of the entry that the request is for, or is under; else nothing."""
    if request.blueprint in ("people", "settings"):
        return request.endpoint or ""
    beside = [entry for entry in _entries() if entry.blueprint == request.blueprint]
    nearest = max(
        beside, key=lambda one: request.path.startswith(one.url) * len(one.url), default=None
    )
    return nearest.endpoint if nearest else ""
