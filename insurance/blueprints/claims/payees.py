"""Who is paid of a claim: by name and share, or again as the policy says; accounts verified."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from flask import Response, request

from insurance.blueprints.claims import bp
from insurance.blueprints.claims.act import on_claim
from insurance.claims import queries, services
from insurance.claims.models import ClaimPayee
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import ends_life
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.money import ZERO
from insurance.customers.privacy import may_see_identity
from insurance.policies.models import Beneficiary
from insurance.policies.queries import list_beneficiaries
from insurance.web.access import requires
from insurance.web.acts import act_screen
from insurance.web.business import business_day
from insurance.web.forms import DayField, Form, MoneyField, Required, TextField
from insurance.web.people import person

PLACES = 4
_COLUMNS = ("name", "share", "relationship", "born", "bank", "branch_code", "account_number")


class PayeesForm(Form):
    """Why who is paid changes; the payees are fields of their places."""

    reason = TextField("Reason", [Required()], longest=1000)

    present: Sequence[ClaimPayee]
    heirs: Sequence[Beneficiary]
    places: int

    def rows(self) -> list[dict[str, Any]]:
        """Return the fields of each place by their column."""
        return [
            {name: self._fields[f"payee_{name}_{at}"] for name in _COLUMNS}
            for at in range(self.places)
        ]

    def heir_fields(self) -> list[tuple[Beneficiary, Any]]:
        """Return each beneficiary of the policy with the field of the day they died."""
        return [(one, self._fields[f"died_{at}"]) for at, one in enumerate(self.heirs)]

    def payees(self) -> list[services.Payee]:
        """Return the payees that were typed; a place without a name is empty."""
        return [
            services.Payee(
                name=row["name"].data,
                share=row["share"].data or ZERO,
                relationship=row["relationship"].data or "",
                date_of_birth=row["born"].data,
                bank=row["bank"].data,
                branch_code=row["branch_code"].data,
                account_number=row["account_number"].data,
                payee_id=self.present[at].id if at < len(self.present) else None,
            )
            for at, row in enumerate(self.rows())
            if row["name"].data
        ]

    def died(self) -> dict[str, date]:
        """Return which beneficiaries have died, and when."""
        return {
            f"{one.first_name} {one.last_name}".strip(): field.data
            for one, field in self.heir_fields()
            if field.data
        }


def _form(present: Sequence[ClaimPayee], heirs: Sequence[Beneficiary]) -> PayeesForm:
    places = max(PLACES, len(present) + 2)
    fields: dict[str, Any] = {}
    for at in range(places):
        number = at + 1
        fields |= {
            f"payee_name_{at}": TextField(f"Name of payee {number}", longest=200),
            f"payee_share_{at}": MoneyField(f"Share of payee {number} in per cent"),
            f"payee_relationship_{at}": TextField(f"Relationship of payee {number}", longest=60),
            f"payee_born_{at}": DayField(f"Payee {number} born"),
            f"payee_bank_{at}": TextField(f"Bank of payee {number}", longest=60),
            f"payee_branch_code_{at}": TextField(f"Branch code of payee {number}", longest=10),
            f"payee_account_number_{at}": TextField(f"Account of payee {number}", longest=24),
        }
    for at, one in enumerate(heirs):
        fields[f"died_{at}"] = DayField(f"{one.first_name} {one.last_name} died on")
    form: PayeesForm = type("PayeesForm", (PayeesForm,), fields)()
    form.present, form.heirs, form.places = present, heirs, places
    return form


@bp.route("/<uuid:claim_id>/payees", methods=["GET", "POST"])
@requires(ClaimsMay.SUBMIT)
def change_payees(claim_id: UUID) -> Response:
    """Change who is paid by name and share, or let the policy say it again."""
    session = db.session()
    line, present = (
        queries.get_claim_line(session, claim_id),
        queries.list_payees(session, claim_id),
    )
    is_death = ends_life(line.claim.claim_type)
    heirs = list_beneficiaries(session, line.claim.policy_id) if is_death else []
    form = _form(present, heirs)
    if request.method == "GET":
        _fill(form)
    act = on_claim(line, "Who is paid", "Save payees")
    return act_screen(
        act,
        form,
        lambda: _change(claim_id, form),
        "Who is paid was changed.",
        beside=_beside,
        template="claims/payees.html",
        is_death=is_death,
        days=queries.get_settings(session).payee_change_days,
    )


def _change(claim_id: UUID, form: PayeesForm) -> None:
    reason, on, now = form.reason.data or "", business_day(), clock.now()
    if request.form.get("act") == "policy":
        services.pay_by_policy(claim_id, died=form.died(), reason=reason, on=on, now=now)
    else:
        services.change_payees(claim_id, form.payees(), reason=reason, on=on, now=now)


def _fill(form: PayeesForm) -> None:
    for row, one in zip(form.rows(), form.present, strict=False):
        row["name"].data, row["share"].data = one.name, one.share
        row["relationship"].data = one.relationship
        # What is not shown stays: a payee without a birth date keeps the one on file.
        row["born"].data = one.date_of_birth if may_see_identity() else None
        row["bank"].data, row["branch_code"].data = one.bank or "", one.branch_code or ""


def _beside(form: PayeesForm, error: DomainError) -> None:
    """Name the field of the place that a refusal concerns."""
    typed = [at for at, row in enumerate(form.rows()) if row["name"].data]
    for single in error.errors:
        parts = (single.field or "").split(".")
        name = single.field
        if parts[0] == "payee" and len(parts) == 2:
            name = f"payee_{parts[1]}_{typed[0] if typed else 0}"
        elif parts[0] == "payees" and len(parts) == 3:
            name = f"payee_{parts[2]}_{typed[int(parts[1])]}"
        elif parts[0] == "payees":
            name = "payee_share_0" if typed else "payee_name_0"
        single.field = name


class VerifyForm(Form):
    """How an account was checked."""

    how = TextField("How it was checked", [Required()], longest=1000)


@bp.route("/payees/<uuid:payee_id>/verify", methods=["GET", "POST"])
@requires(ClaimsMay.ASSESS)
def verify_account(payee_id: UUID) -> Response:
    """Record that a payee's account was checked, by somebody who did not enter it."""
    payee, form = queries.get_payee(db.session(), payee_id), VerifyForm()
    return act_screen(
        on_claim(
            queries.get_claim_line(db.session(), payee.claim_id),
            "Verify an account",
            "Account is verified",
            says=f"{payee.name}, {payee.bank or 'bank not given'}, account"
            f" {payee.account_masked or 'not given'}, entered by {person(payee.entered_by)}.",
        ),
        form,
        lambda: services.verify_account(
            payee_id, how=form.how.data or "", on=business_day(), now=clock.now()
        ),
        "The account is verified.",
    )
