"""What is done to a whole policy: suspend, lapse, set a lapse aside, reinstate, and end its term."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from markupsafe import Markup
from wtforms import BooleanField, RadioField

from insurance.blueprints.policies import bp
from insurance.blueprints.policies.history import undo_last
from insurance.core import clock
from insurance.core.db import db
from insurance.core.money import format_money
from insurance.lapses.rules import Forecast, Way
from insurance.policies import queries, services
from insurance.policies.lifecycle_rules import allowed_moves
from insurance.policies.models import Policy, PolicyStatus
from insurance.policies.permissions import PoliciesMay
from insurance.policies.services import WayBack
from insurance.products.queries import load_terms
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.filters import day, money, words
from insurance.web.forms import ChoiceField, Form, Required, SureForm, reason_field
from insurance.web.life_questions import answers_typed

CONTINUE, RECOMMENCE = "CONTINUE", "RECOMMENCE"
IN_HISTORY = "Kept in the policy's history."


class ReasonForm(Form):
    """Why."""

    reason = reason_field(IN_HISTORY)


class SetAsideForm(Form):
    """Which payment proves it, and why."""

    receipt_id = ChoiceField("Payment", [Required("Choose the payment.")])
    reason = reason_field(IN_HISTORY)


class ReinstateForm(Form):
    """Which way back, and why."""

    way = RadioField(
        "How",
        choices=[
            (CONTINUE, "Arrears are paid: cover goes on without a gap"),
            (RECOMMENCE, "Without arrears: no cover from the lapse until today"),
        ],
        default=CONTINUE,
        description="Waiting periods go on as they were, either way.",
    )
    medical_clearance = BooleanField("Medical clearance was given")
    reason = reason_field(IN_HISTORY)


def on_policy(policy: Policy, title: str, verb: str, *, tab: str | None = None, **more: Any) -> Act:
    """Return an act on a policy, which goes back to a tab of it."""
    back = url_for("policies.show", policy_id=policy.id, tab=tab)
    crumbs = [("Policies", url_for("policies.index")), (policy.policy_number, back)]
    return Act(title, verb, back, crumbs, policy.status, **more)


@bp.route("/<uuid:policy_id>/suspend", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def suspend(policy_id: UUID) -> Response:
    """Say what is owed, then suspend."""
    policy, on, form = _policy(policy_id), business_day(), ReasonForm()
    forecast = services.forecast_of(db.session(), policy_id, on)
    lapses = f", and without payment the policy lapses on {day(forecast.lapse_date)}"
    act = on_policy(
        policy,
        f"Suspend {policy.policy_number}",
        "Suspend policy",
        facts=[
            ("Owed today", forecast.arrears),
            ("Grace ends", forecast.grace_end),
            _sum_of(policy),
        ],
        says=f"Cover of {money(policy.coverage_amount, 0)} pauses from today. Premiums go on falling"
        f" due{lapses if forecast.lapse_date else ''}. It can be reinstated once nothing is owed.",
        stops=_cannot("be suspended", policy, PolicyStatus.SUSPENDED),
        is_danger=True,
    )
    return act_screen(
        act,
        form,
        lambda: services.suspend_policy(
            policy_id, reason=form.reason.data or "", on=on, now=clock.now()
        ),
        f"{policy.policy_number} is suspended.",
        undo=lambda _done: undo_last(policy_id),
    )


@bp.route("/<uuid:policy_id>/lapse", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def lapse(policy_id: UUID) -> Response:
    """Say from when cover ends, then lapse."""
    policy, on, form = _policy(policy_id), business_day(), ReasonForm()
    forecast = services.forecast_of(db.session(), policy_id, on)
    act = on_policy(
        policy,
        f"Lapse {policy.policy_number}",
        "Lapse policy",
        facts=[
            ("Owed today", forecast.arrears),
            ("Oldest unpaid", forecast.oldest_unpaid),
            ("Last day of grace", forecast.grace_end),
            ("First day without cover", forecast.lapse_date),
        ],
        says=f"Cover of {money(policy.coverage_amount, 0)} ends as from {day(forecast.lapse_date)}."
        " Premiums of which nothing was paid are no longer charged; they are owed again if the"
        " policy is reinstated.",
        stops=_cannot("lapse", policy, PolicyStatus.LAPSED) or _why_not_yet(forecast),
        is_danger=True,
    )
    return act_screen(
        act,
        form,
        lambda: services.lapse_policy(
            policy_id, reason=form.reason.data or "", on=on, now=clock.now()
        ),
        lambda done: (
            f"{policy.policy_number} lapsed as from {done.effective_date:%Y/%m/%d}."
            " To reverse this, reinstate the policy or set the lapse aside."
        ),
    )


def _why_not_yet(forecast: Forecast) -> str:
    if forecast.is_candidate:
        return ""
    if forecast.lapse_date is None:
        return "Nothing is owed, so this policy does not lapse."
    if forecast.blocked_by:
        blocks = ", ".join(words(block).lower() for block in forecast.blocked_by)
        return f"This policy would lapse on {day(forecast.lapse_date)}. What stops it: {blocks}."
    return (
        f"Grace runs to the end of {day(forecast.grace_end)};"
        f" the policy can lapse from {day(forecast.lapse_date)}."
    )


@bp.route("/<uuid:policy_id>/set-aside", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def set_aside(policy_id: UUID) -> Response:
    """Choose the payment, then ask a second person; `receipt` in the address chooses it."""
    policy, form = _policy(policy_id), SetAsideForm()
    proofs = services.list_proofs(db.session(), policy)
    form.receipt_id.choices = [
        (
            str(proof.id),
            f"{proof.received_on:%Y/%m/%d}, {format_money(proof.amount)},"
            f" {'in suspense' if proof.policy_id is None else 'recorded'}, {proof.reference or '–'}",
        )
        for proof in proofs
    ]
    if request.method == "GET":
        form.receipt_id.data = request.args.get("receipt", "")
    act = on_policy(
        policy,
        "Set the lapse aside",
        "Ask to set it aside",
        says=f"A payment received before {day(policy.ended_on)} came within the grace, so the policy"
        " did not lapse: cover is unbroken, claims since then are assessed as in force, and the"
        " premiums since then are due. Another person must agree.",
        stops="" if proofs else _no_proof(policy),
    )
    return act_screen(
        act,
        form,
        lambda: services.set_lapse_aside(
            policy_id,
            UUID(form.receipt_id.data),
            reason=form.reason.data or "",
            life_answers=answers_typed(),
            on=business_day(),
            now=clock.now(),
        ),
        "The lapse is set aside once another person agrees.",
    )


def _no_proof(policy: Policy) -> str:
    if policy.status != PolicyStatus.LAPSED:
        return f"This policy is {policy.status}: there is no lapse to set aside."
    return Markup(
        "The grace ended before {}, and no payment of an earlier day is recorded for this policy or"
        ' waits for it in suspense. If one came in time, first <a href="{}">record it</a> with the'
        " day it was received."
    ).format(day(policy.ended_on), url_for(".pay", policy_id=policy.id))


@bp.route("/<uuid:policy_id>/reinstate", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def reinstate(policy_id: UUID) -> Response:
    """Say what is owed and which way is open, then reinstate."""
    policy, on, form = _policy(policy_id), business_day(), ReinstateForm()
    way = services.find_way_back(db.session(), policy_id, on=on, now=clock.now())
    if way.terms is None:
        del form.way
    if way.terms is None or way.terms.way is not Way.MEDICAL:
        del form.medical_clearance
    act = on_policy(
        policy,
        f"Reinstate {policy.policy_number}",
        "Reinstate policy",
        facts=_facts_of(way, policy),
        says=_ways_in_words(way, policy),
        stops=_cannot("be reinstated", policy, PolicyStatus.ACTIVE) or _too_late(way, policy),
    )
    return act_screen(
        act,
        form,
        lambda: services.reinstate_policy(
            policy_id,
            arrears_paid="way" not in form or form.way.data == CONTINUE,
            recommence="way" in form and form.way.data == RECOMMENCE,
            medical_clearance="medical_clearance" in form and form.medical_clearance.data,
            reason=form.reason.data or "",
            life_answers=answers_typed(),
            on=on,
            now=clock.now(),
        ),
        lambda done: (
            f"{policy.policy_number} is in force again as from {done.effective_date:%Y/%m/%d}."
        ),
    )


def _facts_of(way: WayBack, policy: Policy) -> list[tuple[str, object]]:
    facts = [("Arrears today", way.arrears), _sum_of(policy)]
    if way.terms is None:
        return facts
    return [
        *facts,
        ("Lapsed", policy.ended_on),
        ("Automatic until", way.terms.automatic_until),
        ("On payment until", way.terms.arrears_only_until),
        ("With medical clearance until", way.terms.medical_until),
    ]


def _ways_in_words(way: WayBack, policy: Policy) -> str:
    said: list[str] = []
    if way.arrears > way.tolerance:
        url = url_for(".show", policy_id=policy.id, tab="premiums")
        said.append(
            Markup(
                '{} is owed. <a href="{}">Record the payment</a> first for cover without a gap.'
            ).format(money(way.arrears), url)
        )
    if way.terms is None:
        said.append("Cover goes on from today. Nothing may be owed.")
    else:
        url = url_for(".set_aside", policy_id=policy.id)
        said.append(
            Markup(
                'Did a payment come within the grace? Then <a href="{}">set the lapse aside</a>.'
            ).format(url)
        )
    return Markup(" ").join(said)


def _too_late(way: WayBack, policy: Policy) -> str:
    if way.terms is not None and way.terms.way is Way.NEW_BUSINESS:
        return "The time to reinstate this policy is over. It needs a new application."
    if way.terms is None and policy.status != PolicyStatus.SUSPENDED:
        return f"A policy that is {policy.status} cannot be reinstated."
    return ""


@bp.route("/<uuid:policy_id>/not-taken-up", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def not_taken_up(policy_id: UUID) -> Response:
    """End a policy whose first premium was never paid."""
    policy, form = _policy(policy_id), ReasonForm()
    act = on_policy(
        policy,
        f"Not taken up: {policy.policy_number}",
        "Mark as not taken up",
        facts=_term_of(policy),
        says="Cover is taken back from the first day and every premium is cancelled. Only for a"
        " policy on which nothing was ever paid.",
        is_danger=True,
    )
    return act_screen(
        act,
        form,
        lambda: services.mark_not_taken_up(
            policy_id, reason=form.reason.data or "", on=business_day(), now=clock.now()
        ),
        f"{policy.policy_number} was not taken up.",
    )


@bp.route("/<uuid:policy_id>/expire", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def expire(policy_id: UUID) -> Response:
    """End a policy whose term is over."""
    policy = _policy(policy_id)
    act = on_policy(
        policy,
        f"Expire {policy.policy_number}",
        "Expire policy",
        facts=_term_of(policy),
        says="Cover ends with the term. What is owed for it stays owed.",
        is_danger=True,
    )
    return act_screen(
        act,
        SureForm(),
        lambda: services.expire_policy(policy_id, on=business_day(), now=clock.now()),
        f"{policy.policy_number} expired.",
    )


@bp.route("/<uuid:policy_id>/renew", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def renew(policy_id: UUID) -> Response:
    """Give a non-life policy its next term."""
    policy = _policy(policy_id)
    act = on_policy(
        policy,
        f"Renew {policy.policy_number}",
        "Renew policy",
        facts=_term_of(policy),
        says="The next term starts on the day the present one ends, at today's premium, and its"
        " premiums are added to the schedule.",
    )
    return act_screen(
        act,
        SureForm(),
        lambda: services.renew_policy(policy_id, on=business_day(), now=clock.now()),
        f"{policy.policy_number} was renewed.",
    )


def _term_of(policy: Policy) -> list[tuple[str, object]]:
    return [
        ("In force from", policy.effective_date),
        ("Term ends", policy.expiry_date or "whole of life"),
        ("Premium", f"{money(policy.premium)} a month"),
        _sum_of(policy),
    ]


def _sum_of(policy: Policy) -> tuple[str, object]:
    """Return what a policy covers, in the words of its class."""
    terms = load_terms(db.session(), policy.product_version_id)
    name = "Cover" if terms.insures_persons else "Sum insured"
    return name, money(policy.coverage_amount, 0)


def _policy(policy_id: UUID) -> Policy:
    return queries.get_policy_line(db.session(), policy_id).policy


def _cannot(do_what: str, policy: Policy, to: PolicyStatus) -> str:
    if to in allowed_moves(policy.status):
        return ""
    return f"A policy that is {policy.status} cannot {do_what}."
