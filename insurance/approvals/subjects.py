"""What a second person decides: one subject for each action, registered by the area that does it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.core.permissions import Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A kind of record that requests are about: its name for people, its page and who sees that.

    `lock` locks one and returns its version; where that has moved on, what was asked for is void.
    It raises NotFoundError where the record is gone.
    """

    resource: str
    name: str
    lock: Callable[[Session, UUID], int]
    endpoint: str
    may_view: Permission


class Execute(Protocol):
    """A step that does what was agreed to. Raises ConflictError where it cannot be done any more."""

    def __call__(
        self, session: Session, request: ApprovalRequest, *, on: date, now: datetime
    ) -> object: ...


def _anybody(_session: Session, _request: ApprovalRequest) -> None:
    """Let everybody who may decide requests agree."""


def _nothing(_session: Session, _request: ApprovalRequest, _now: datetime) -> None:
    """Leave the record as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An action that two people do: which record it is about, and how it is carried out.

    `check_checker` raises ForbiddenError, in words, for somebody who may not agree to a request, and
    ConflictError while nobody may. `when_declined` is a step that follows a rejection or a
    withdrawal; `declined_means` says to people what it does.
    """

    action: str
    record: Record
    execute: Execute
    check_checker: Callable[[Session, ApprovalRequest], None] = _anybody
    when_declined: Callable[[Session, ApprovalRequest, datetime], None] = _nothing
    declined_means: str = "nothing changes"


_subjects: dict[str, Subject] = {}


def register(subject: Subject) -> Subject:
    """Make it known how an action is carried out, once, and return the subject."""
    if _subjects.setdefault(subject.action, subject) != subject:
        raise ValueError(f"{subject.action} is registered already.")
    return subject


def subject_of(action: str) -> Subject:
    """Return the subject of an action. Raises KeyError for one that no area has registered."""
    return _subjects[action]


def actions() -> frozenset[str]:
    """Return every action that a second person may have to decide."""
    return frozenset(_subjects)
