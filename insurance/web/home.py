"""What the start page has of an area: what waits for the person as `HOME`, what is due today as
`TODAY`, the ways on that one key takes as `ACTS`, what a new organization does first as `SETUP`.

All stand in `blueprints/<area>/home.py` and are found there, as the entries of the rail are.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Flask, current_app
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.permissions import Permission

SHOWN = 5
"""Items of one kind on the start page; the list behind its title has them all."""
WAYS_ON = 4
"""Buttons at the top of the start page; the palette has every other way."""


@dataclass(frozen=True, slots=True)
class HomeItem:
    """One thing that waits: where it is done, what it is, and by when or since when."""

    title: str
    url: str
    detail: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class HomeWork:
    """A kind of work that waits for whoever has the permission; `load` returns the most urgent.

    `place` orders the kinds; `endpoint` with `values` is the list of all of it.
    """

    title: str
    permission: Permission
    place: int
    endpoint: str
    load: Callable[[Session, datetime], Sequence[HomeItem]]
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DueToday:
    """What has its day today; `load` returns a line for each, and nothing where there is nothing."""

    permission: Permission
    place: int
    load: Callable[[Session, date], Sequence[HomeItem]]


@dataclass(frozen=True, slots=True)
class HomeAct:
    """A way on from the start page, by its key; one that `posts` does something at once."""

    name: str
    permission: Permission
    place: int
    endpoint: str
    icon: str
    key: str
    posts: bool = False


@dataclass(frozen=True, slots=True)
class SetupStep:
    """A step that a new organization takes once; `is_done` looks whether it was taken."""

    title: str
    why: str
    permission: Permission
    place: int
    endpoint: str
    is_done: Callable[[Session], bool]


def use_home(app: Flask, modules: Iterable[Any]) -> None:
    """Let the start page of an application have what the modules of its areas give."""
    for name in ("HOME", "TODAY", "ACTS", "SETUP"):
        found = [part for module in modules for part in getattr(module, name, ())]
        app.extensions[name] = sorted(found, key=lambda part: part.place)


def waiting_for_me(session: Session) -> list[tuple[HomeWork, Sequence[HomeItem]]]:
    """Return the kinds of work that the person may do and of which something waits."""
    may, now = current_actor().may, clock.now()
    found = [
        (work, work.load(session, now))
        for work in current_app.extensions["HOME"]
        if may(work.permission)
    ]
    return [(work, items) for work, items in found if items]


def due_today(session: Session, on: date) -> list[HomeItem]:
    """Return what has its day today, of what the person may see."""
    due: list[DueToday] = current_app.extensions["TODAY"]
    allowed = [part for part in due if current_actor().may(part.permission)]
    return [item for part in allowed for item in part.load(session, on)]


def ways_on() -> list[HomeAct]:
    """Return the first few things that the person may do next."""
    acts: list[HomeAct] = current_app.extensions["ACTS"]
    return [act for act in acts if current_actor().may(act.permission)][:WAYS_ON]


def steps_to_take(session: Session) -> list[tuple[SetupStep, bool]]:
    """Return the steps of setting up that the person may take, and whether each was taken."""
    steps: list[SetupStep] = current_app.extensions["SETUP"]
    return [(step, step.is_done(session)) for step in steps if current_actor().may(step.permission)]
