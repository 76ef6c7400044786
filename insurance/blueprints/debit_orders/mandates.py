"""The mandates of a policy: captured, put into force, suspended, cancelled."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Response, url_for
from markupsafe import Markup
from wtforms import IntegerField
from wtforms.validators import NumberRange, Optional

from insurance.blueprints.debit_orders import bp
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.customers.permissions import CustomersMay
from insurance.customers.queries import get_customer, list_bank_accounts
from insurance.debit_orders import queries, services
from insurance.debit_orders.models import Mandate
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.debit_orders.rules import Convention, MandateStatus
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.forms import ChoiceField, DayField, Form, MoneyField, Required, reason_field

_CONVENTIONS = [
    (Convention.FOLLOWING.value, "The next business day"),
    (Convention.PRECEDING.value, "The business day before"),
]


class MandateForm(Form):
    """The authority to debit an account."""

    bank_account_id = ChoiceField("Account", [Required("Choose an account.")], empty="Choose…")
    signed_on = DayField(
        "Signed on", description="Left empty, the mandate waits and nothing is debited."
    )
    max_amount = MoneyField(
        "Most to debit at once", description="A higher premium is left out and listed."
    )
    collection_day = IntegerField(
        "Collection day",
        [Optional(), NumberRange(1, 31, "A day from 1 to 31.")],
        description="Left empty, the day the premium is due.",
    )
    convention = ChoiceField("On a weekend or holiday", choices=_CONVENTIONS)


class SignatureForm(Form):
    """When the payer signed."""

    signed_on = DayField("Signed on", [Required()])


class StopForm(Form):
    """Why debiting stops."""

    reason = reason_field()


@bp.route("/mandates/<uuid:policy_id>", methods=["GET", "POST"])
@requires(DebitOrdersMay.VIEW)
def mandates(policy_id: UUID) -> Response:
    """List the mandates of a policy, newest first."""
    session = db.session()
    policy = queries.get_policy_facts(session, policy_id)
    customer = get_customer(session, policy.customer_id)
    screen = replace(
        _MANDATES,
        title=f"Mandates of {policy.policy_number}",
        rows_of=lambda session, _: queries.list_mandates(session, policy_id),
        crumbs=[
            ("Debit orders", "debit_orders.index"),
            (policy.policy_number, "policies.show", {"policy_id": policy_id}),
        ],
        buttons=[
            lists.new_beside(
                "New mandate", ".create_mandate", DebitOrdersMay.EDIT, policy_id=policy_id
            )
        ],
    )
    return lists.show(screen, "debit_orders/mandates.html", policy=policy, customer=customer)


_MOVES = (
    ("Activate", ".activate_mandate", {MandateStatus.PENDING, MandateStatus.SUSPENDED}),
    ("Suspend", ".suspend_mandate", {MandateStatus.PENDING, MandateStatus.ACTIVE}),
    ("Cancel", ".cancel_mandate", set(MandateStatus) - {MandateStatus.CANCELLED}),
)


def _moves(line: queries.MandateLine) -> list[lists.Cell]:
    if not current_actor().may(DebitOrdersMay.EDIT):
        return []
    account = line.account.account_number_masked
    return [
        lists.Cell(
            f"{name}…",
            url_for(endpoint, mandate_id=line.mandate.id),
            says=f"{name} the mandate on {account}",
            is_act=True,
            opens_beside=True,
        )
        for name, endpoint, statuses in _MOVES
        if line.mandate.status in statuses
    ]


def _ended(line: queries.MandateLine) -> lists.Cell:
    mandate = line.mandate
    return lists.Cell(mandate.cancelled_at, note=mandate.cancel_reason or "")


_MANDATES = lists.ListScreen(
    title="Mandates",
    id_of=lambda line: line.mandate.id,
    columns=lists.columns(
        "account: Account | mandate.status: Status, tag, key | mandate.signed_on: Signed, day",
        "mandate.max_amount: Most at once, money | collected: Collected on",
        "mandate.convention: Weekend or holiday, code | ended: Ended, moment, wrapped | acts: -",
        account=lambda line: f"{line.account.bank} {line.account.account_number_masked}",
        collected=lambda line: (
            f"day {line.mandate.collection_day}" if line.mandate.collection_day else "due date"
        ),
        ended=_ended,
        acts=_moves,
    ),
    empty=lists.Empty(
        "There is no mandate yet", "Without one, premiums are not collected by debit order."
    ),
    is_exported=False,
)


@bp.route("/mandates/<uuid:policy_id>/new", methods=["GET", "POST"])
@requires(DebitOrdersMay.EDIT)
def create_mandate(policy_id: UUID) -> Response:
    """Capture a mandate on one of the policyholder's accounts."""
    session, form = db.session(), MandateForm()
    policy = queries.get_policy_facts(session, policy_id)
    accounts = list_bank_accounts(session, policy.customer_id)
    form.bank_account_id.choices = [
        ("", "Choose…"),
        *(
            (str(account.id), f"{account.bank} {account.account_number_masked}")
            for account in accounts
        ),
    ]
    act = _on_mandates(
        policy,
        "New mandate",
        "Add mandate",
        warns="" if accounts else _no_account(policy.customer_id),
    )
    return act_screen(
        act,
        form,
        lambda: services.create_mandate(
            policy_id, _wanted(form), on=business_day(), now=clock.now()
        ),
        "The mandate was added.",
    )


def _no_account(customer_id: UUID) -> str:
    lacks = "Who pays has no bank account yet."
    if not current_actor().may(CustomersMay.EDIT):
        return lacks
    url = url_for("customers.add_bank_account", customer_id=customer_id)
    return Markup('{} <a href="{}">Add one first</a>.').format(lacks, url)


@bp.route("/mandates/<uuid:mandate_id>/activate", methods=["GET", "POST"])
@requires(DebitOrdersMay.EDIT)
def activate_mandate(mandate_id: UUID) -> Response:
    """Ask when it was signed, then put a mandate into force."""
    form = SignatureForm()
    return _act(
        mandate_id,
        form,
        "Activate mandate",
        "Premiums are debited from the next run on.",
        lambda: services.activate_mandate(
            mandate_id,
            signed_on=form.signed_on.data,  # type: ignore[arg-type]
            on=business_day(),
        ),
    )


@bp.route("/mandates/<uuid:mandate_id>/suspend", methods=["GET", "POST"])
@requires(DebitOrdersMay.EDIT)
def suspend_mandate(mandate_id: UUID) -> Response:
    """Ask why, then stop debiting for a while."""
    form = StopForm()
    return _act(
        mandate_id,
        form,
        "Suspend mandate",
        "Nothing is debited until the mandate is activated again. Debits already released are not"
        " called back.",
        lambda: services.suspend_mandate(mandate_id, reason=form.reason.data or ""),
        is_danger=True,
    )


@bp.route("/mandates/<uuid:mandate_id>/cancel", methods=["GET", "POST"])
@requires(DebitOrdersMay.EDIT)
def cancel_mandate(mandate_id: UUID) -> Response:
    """Ask why, then end a mandate for good."""
    form = StopForm()
    return _act(
        mandate_id,
        form,
        "Cancel mandate",
        "Nothing is debited any more, and premiums stay owed. Debits already released are not"
        " called back. A cancelled mandate cannot be brought back; capture a new one instead.",
        lambda: services.cancel_mandate(mandate_id, reason=form.reason.data or "", now=clock.now()),
        is_danger=True,
    )


def _act(
    mandate_id: UUID,
    form: Form,
    verb: str,
    effect: str,
    do: Callable[[], Mandate],
    *,
    is_danger: bool = False,
) -> Response:
    session = db.session()
    policy = queries.get_policy_facts(session, queries.get_mandate(session, mandate_id).policy_id)
    act = _on_mandates(
        policy,
        f"{verb} of {policy.policy_number}",
        verb,
        says=f"{effect} Cover does not change.",
        is_danger=is_danger,
    )
    return act_screen(act, form, do, _outcome)


def _outcome(mandate: Mandate) -> str:
    is_active = mandate.status is MandateStatus.ACTIVE
    return f"The mandate is now {'in force' if is_active else mandate.status.lower()}."


def _on_mandates(policy: queries.CollectionFacts, title: str, verb: str, **more: Any) -> Act:
    back = url_for(".mandates", policy_id=policy.id)
    crumbs = [("Debit orders", url_for(".index")), (f"Mandates of {policy.policy_number}", back)]
    return Act(title, verb, back, crumbs, **more)


def _wanted(form: MandateForm) -> services.NewMandate:
    return services.NewMandate(
        bank_account_id=UUID(form.bank_account_id.data),
        signed_on=form.signed_on.data,
        max_amount=form.max_amount.data,
        convention=Convention(form.convention.data),
        collection_day=form.collection_day.data,
    )
