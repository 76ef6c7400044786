"""One act on a record: a form beside the record, and what comes of it.

A link with `ui.drawer` opens the form in a drawer; its address alone, or without JavaScript, is a
page of the same form. Both are `templates/act.html`; a form that shows more extends it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Response, request, url_for
from wtforms import Field

from insurance.approvals.permissions import ApprovalsMay
from insurance.core.context import current_actor
from insurance.core.errors import DomainError
from insurance.policies.rules import LifeQuestion
from insurance.web.forms import UNSEEN, Form
from insurance.web.html import go, page, refuse, wants_part
from insurance.web.life_questions import answers_typed, questions_of

T = TypeVar("T")


@dataclass(frozen=True)
class Act:
    """What stands around the fields of a form.

    `facts` are names with amounts, days or words; `says` is what the act will do. Where `stops`
    says why it cannot be done, there is nothing to fill in and no button. `later` names the fields
    that are shown only once they are refused or filled in; `action` is where the form goes, the
    address in view where nothing is said. One that `has_effect` shows in its block `effect` what
    is typed will do.
    """

    title: str
    verb: str
    back: str
    crumbs: Sequence[tuple[str, str]] = ()
    status: str = ""
    facts: Sequence[tuple[str, Any]] = ()
    says: str = ""
    stops: str = ""
    warns: str = ""
    later: frozenset[str] = frozenset()
    action: str = ""
    has_effect: bool = False
    leave: str = "Back"
    is_danger: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    """Which field a refusal is about where the service calls it otherwise."""


def act_screen(
    act: Act,
    form: Form,
    do: Callable[[], T],
    done: str | Callable[[T], str],
    *,
    then: str | Callable[[T], str] = "",
    undo: Callable[[T], str] | None = None,
    beside: Callable[[Any, DomainError], None] | None = None,
    template: str = "act.html",
    **context: Any,
) -> Response:
    """Show the form of an act, or do it and go on to `then` (the record, where nothing is said).

    `done` is what is said afterwards, or makes it of the result, as `then` may. What waits for a
    second person goes on to the request. `undo` makes of the result the address that undoes it, or
    nothing. A refusal stands beside its field; `beside` names the
    fields of a form whose rows are its own.
    """
    questions: Sequence[LifeQuestion] = ()
    if form.validate_on_submit():
        try:
            result = do()
        except DomainError as error:
            if beside is not None:
                beside(form, error)
            refuse(form, _renamed(error, act.names))
            questions = questions_of(error)
        else:
            words = done if isinstance(done, str) else done(result)
            url = then if isinstance(then, str) else then(result)
            return go_on(result, words, url or act.back, undo=undo(result) if undo else "")
    return show_act(act, form, template=template, questions=questions, **context)


def show_act(
    act: Act,
    form: Form,
    *,
    template: str = "act.html",
    questions: Sequence[LifeQuestion] = (),
    **context: Any,
) -> Response:
    """Show the form of an act as a page, or bare for the drawer."""
    target = request.headers.get("HX-Target", "")
    return page(
        template,
        status=form.refused_with if questions else form.status,
        is_part=wants_part() or target.endswith("#effect"),
        is_beside=target.endswith("#drawer") or "_beside" in request.form,
        act=act,
        form=form,
        fields=[control for control in form if _is_shown(control, act)],
        questions=questions,
        answered=list(answers_typed().items()),
        **context,
    )


def go_on(result: object, words: str, url: str, *, undo: str = "") -> Response:
    """Go on after an act; where it waits for a second person, to the request if one may see it."""
    approval_id = getattr(result, "approval_id", None)
    if approval_id is not None:
        undo = ""
        if current_actor().may(ApprovalsMay.VIEW):
            url = url_for("approvals.show", approval_id=approval_id)
            undo = url_for("approvals.withdraw", approval_id=approval_id)
        words = "A second person has been asked. Nothing has changed yet."
    return go(url, words, undo=undo)


def _is_shown(control: Field, act: Act) -> bool:
    if control.type in UNSEEN:
        return False
    return control.short_name not in act.later or bool(control.errors or control.data)


def _renamed(error: DomainError, names: Mapping[str, str]) -> DomainError:
    for single in error.errors:
        single.field = names.get(single.field or "", single.field)
    return error
