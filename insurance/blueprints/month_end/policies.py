"""A policy on screen: what a run does to it, its next rise, proof of notices, its holder's refusal."""

from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.month_end import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.month_end import queries, services
from insurance.month_end.exports import changes_of, step_in_words
from insurance.month_end.models import StepCode
from insurance.month_end.permissions import MonthEndMay
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.filters import day
from insurance.web.forms import DayField, Form, Required, TextField, reason_field
from insurance.web.html import page

_HOW = "How the holder told us"
ONE = "/policies/<uuid:policy_id>/escalation"


class NoticeForm(Form):
    """Proof that a holder was told of a rise."""

    anniversary = DayField("Anniversary", [Required()])
    sent_on = DayField("Sent on", [Required()])
    recipient = TextField(
        "Sent to",
        [Required()],
        description="An address, an e-mail address or a telephone number.",
    )
    evidence = TextField(
        "What proves it",
        [Required()],
        description="The number of the registered letter, or of the file that shows it: a day alone"
        " proves nothing.",
    )


class RefusalForm(Form):
    """From when a holder refuses rises, and how they said so."""

    refused_from = DayField(
        "No rise from",
        [Required()],
        description="Anniversaries from this day on change nothing.",
    )
    reason = reason_field("Such as: letter of 2026/10/02.", label=_HOW)


class WithdrawalForm(Form):
    """From when a holder takes rises again, and how they said so."""

    withdrawn_from = DayField(
        "Rises again from",
        [Required()],
        description="Anniversaries from this day on raise the policy again.",
    )
    reason = reason_field("Such as: telephone call of 2026/10/02.", label=_HOW)


@bp.get("/<uuid:month_end_run_id>/policies/<uuid:policy_id>")
@requires(MonthEndMay.VIEW)
def policy(month_end_run_id: UUID, policy_id: UUID) -> Response:
    """Show a policy before and after the run, step by step."""
    session = db.session()
    run = queries.get_run(session, month_end_run_id)
    order = list(StepCode)
    listed = queries.list_effects(session, run.id, limit=100, policy_id=policy_id).items
    found = sorted(listed, key=lambda one: (order.index(one.step), one.period))
    left_out = queries.find_exception(session, run.id, policy_id)
    named = found[0] if found else left_out
    if named is None:
        raise NotFoundError("The run does nothing to this policy.")
    return page(
        "month_end/policy.html",
        run=run,
        policy_id=policy_id,
        number=named.policy_number,
        effects=[(one, step_in_words(one.step), changes_of(one)) for one in found],
        left_out=left_out,
    )


@bp.get(ONE)
@requires(MonthEndMay.VIEW)
def escalation(policy_id: UUID) -> Response:
    """Show how a policy escalates next, what its holder was told and what they said."""
    found = services.get_standing(db.session(), policy_id, business_day())
    return page("month_end/escalation.html", one=found)


@bp.route(f"{ONE}/notices/new", methods=["GET", "POST"])
@requires(MonthEndMay.RUN)
def create_notice(policy_id: UUID) -> Response:
    """Record proof that the holder was told of a rise in time."""
    on = business_day()
    standing = services.get_standing(db.session(), policy_id, on)
    form = NoticeForm(data={"anniversary": standing.anniversary, "sent_on": on})
    in_time = f"In time for the next anniversary by {day(standing.told_by)}."
    form.sent_on.description = in_time

    def note() -> None:
        assert form.anniversary.data is not None and form.sent_on.data is not None
        services.record_escalation_notice(
            policy_id,
            form.anniversary.data,
            recipient=form.recipient.data or "",
            sent_on=form.sent_on.data,
            evidence=form.evidence.data or "",
            on=on,
            now=clock.now(),
        )

    act = _on_escalation(standing, "Record a notice of a rise", "Record notice")
    return act_screen(act, form, note, "The notice was recorded.")


@bp.route(f"{ONE}/refusal/new", methods=["GET", "POST"])
@requires(MonthEndMay.RUN)
def create_refusal(policy_id: UUID) -> Response:
    """Record that the holder refuses rises from a day on."""
    standing = services.get_standing(db.session(), policy_id, business_day())
    form = RefusalForm(data={"refused_from": standing.anniversary})

    def note() -> None:
        assert form.refused_from.data is not None
        services.record_refusal(
            policy_id,
            refused_from=form.refused_from.data,
            reason=form.reason.data or "",
            now=clock.now(),
        )

    act = _on_escalation(standing, "Record a refusal", "Record refusal")
    return act_screen(act, form, note, "The refusal was recorded.")


@bp.route(f"{ONE}/refusal/withdraw", methods=["GET", "POST"])
@requires(MonthEndMay.RUN)
def withdraw_refusal(policy_id: UUID) -> Response:
    """Record that the holder takes rises again."""
    standing = services.get_standing(db.session(), policy_id, business_day())
    form = WithdrawalForm(data={"withdrawn_from": business_day()})

    def note() -> None:
        assert form.withdrawn_from.data is not None
        services.withdraw_refusal(
            policy_id,
            withdrawn_from=form.withdrawn_from.data,
            reason=form.reason.data or "",
            now=clock.now(),
        )

    act = _on_escalation(standing, "Withdraw the refusal", "Withdraw refusal")
    return act_screen(act, form, note, "The refusal was withdrawn.")


def _on_escalation(standing: services.EscalationStanding, title: str, verb: str) -> Act:
    policy = standing.policy
    back = url_for(".escalation", policy_id=policy.id)
    crumbs = [("Month-end", url_for(".index")), (f"Escalation of {policy.policy_number}", back)]
    return Act(title, verb, back, crumbs, leave="Cancel")
