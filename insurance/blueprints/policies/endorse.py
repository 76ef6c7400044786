"""Changing a policy: a form a kind of change, its effect on premium and cover before it is issued."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from flask import Response, request, url_for
from wtforms import TextAreaField

from insurance.blueprints.policies import bp
from insurance.blueprints.policies.act import IN_HISTORY, SureForm, on_policy
from insurance.blueprints.policies.versions import show_changed
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError
from insurance.core.money import format_money
from insurance.customers.privacy import may_see_identity
from insurance.customers.queries import get_customer, list_bank_accounts, list_customers
from insurance.policies import queries
from insurance.policies.models import EndorsementType, Policy
from insurance.policies.permissions import PoliciesMay
from insurance.policies.services import endorsements as services
from insurance.policies.services.endorsements import EndorsementRequest, Preview
from insurance.policies.services.life_cover import LifeQuestionsError
from insurance.products.queries import load_terms
from insurance.products.rules import MONTHS_PER_PREMIUM
from insurance.web import drafts
from insurance.web.access import requires
from insurance.web.acts import show_act
from insurance.web.business import business_day
from insurance.web.filters import words
from insurance.web.forms import (
    ChoiceField,
    DayField,
    Form,
    MoneyField,
    TextField,
    VersionField,
    WholeField,
)
from insurance.web.html import go, refuse
from insurance.web.life_questions import answers_typed

HEIRS = 4
PAYERS = 10
_ROLES = ("SPOUSE", "CHILD", "PARENT", "EXTENDED")
_GENDERS = ("FEMALE", "MALE")
_QUIET = {"autocomplete": "off"}
_NUMBER = {"inputmode": "numeric", **_QUIET}


class EndorseForm(Form):
    """What every change has: its day and why."""

    hints: ClassVar[dict[str, str]] = {}
    effective_date = DayField("Takes effect on")
    reason = TextField("Reason", longest=500, widget=TextAreaField.widget, description=IN_HISTORY)
    version = VersionField()

    def offer(self, policy: Policy) -> None:
        """Fill the choices for a policy."""

    def wanted(self) -> dict[str, Any]:
        """Return the change's own fields."""
        own = set(self.data) - {"effective_date", "reason", "version", "csrf_token"}
        return {name: self.data[name] for name in own}


class CoverForm(EndorseForm):
    """Which benefit, and its new sum assured."""

    policy_benefit_id = ChoiceField("Benefit")
    new_sum_assured = MoneyField("New sum assured")

    def offer(self, policy: Policy) -> None:
        """Fill the choices for a policy."""
        terms = load_terms(db.session(), policy.product_version_id)
        if not terms.insures_persons:
            self.new_sum_assured.label.text = "New sum insured"
        self.policy_benefit_id.choices = [
            (str(benefit.benefit.id), _benefit_words(benefit))
            for benefit in queries.list_benefits(db.session(), policy.id)
            if benefit.benefit.status == "ACTIVE"
        ]


class AddMemberForm(EndorseForm):
    """Who joins."""

    member_role = ChoiceField("Joins as", choices=[(one, words(one)) for one in _ROLES])
    first_name = TextField("First name")
    last_name = TextField("Last name")
    id_number = TextField("ID number", longest=20, render_kw=_NUMBER)
    passport_number = TextField("Passport number", longest=20, render_kw=_QUIET)
    passport_country = TextField("Country of the passport", longest=2, render_kw=_QUIET)
    date_of_birth = DayField("Date of birth")
    gender = ChoiceField(
        "Gender", empty="As the ID number says", choices=[(one, words(one)) for one in _GENDERS]
    )
    hints: ClassVar[dict[str, str]] = {
        "id_number": "Birth and gender follow from it. Funeral cover of one life is counted by it.",
        "passport_number": "Where there is no ID number. An infant may have neither.",
        "passport_country": "Two letters, such as ZW.",
    }


class RemoveMemberForm(EndorseForm):
    """Who leaves."""

    policy_member_id = ChoiceField("Leaves the policy")

    def offer(self, policy: Policy) -> None:
        """Fill the choices for a policy."""
        self.policy_member_id.choices = [
            (
                str(member.id),
                f"{member.first_name} {member.last_name}, {words(member.role).lower()}".strip(),
            )
            for member in queries.list_members(db.session(), policy.id)
            if member.end_date is None and member.role != "MAIN_MEMBER"
        ]


class CorrectForm(EndorseForm):
    """Whose details are wrong, and the right ones. What is left empty stays."""

    policy_member_id = ChoiceField("Life")
    first_name = TextField("First name")
    last_name = TextField("Last name")
    id_number = TextField("ID number", longest=20, render_kw=_NUMBER)
    passport_number = TextField("Passport number", longest=20, render_kw=_QUIET)
    passport_country = TextField("Country of the passport", longest=2, render_kw=_QUIET)
    date_of_birth = DayField("Date of birth")
    gender = ChoiceField(
        "Gender", empty="As it is", choices=[(one, words(one)) for one in _GENDERS]
    )

    def offer(self, policy: Policy) -> None:
        """Fill the choices for a policy."""
        self.policy_member_id.choices = [
            (
                str(member.id),
                f"{member.first_name} {member.last_name}, {words(member.role).lower()}".strip(),
            )
            for member in queries.list_members(db.session(), policy.id)
        ]


class DueDayForm(EndorseForm):
    """The new day of the month."""

    due_day = WholeField("New due day of the month")


class FrequencyForm(EndorseForm):
    """How often premiums fall due."""

    frequency = ChoiceField(
        "Premiums fall due", choices=[(one, words(one)) for one in MONTHS_PER_PREMIUM]
    )


class BankForm(EndorseForm):
    """Which of the payer's accounts."""

    bank_account_id = ChoiceField("Account")

    def offer(self, policy: Policy) -> None:
        """Fill the choices for a policy."""
        self.bank_account_id.choices = [
            (str(account.id), f"{account.bank}, {account.account_number_masked}")
            for account in list_bank_accounts(db.session(), policy.paid_by)
        ]


class PayerForm(EndorseForm):
    """Who pays from now on: the holder, or a customer who is looked for."""

    payer_q = TextField("Look for a customer", longest=100)
    payer_id = ChoiceField("Paid by", empty="Choose")

    def offer(self, policy: Policy) -> None:
        """Fill the choices for a policy."""
        self.payer_id.choices = [
            ("", "Choose"),
            *payer_choices(policy.customer_id, self.payer_q.data or ""),
        ]

    def wanted(self) -> dict[str, Any]:
        """Return the payer."""
        return {"payer_id": self.payer_id.data}


def payer_choices(holder_id: UUID, q: str) -> list[tuple[str, str]]:
    """Return who may pay: the holder, and the customers that a text finds."""
    session = db.session()
    holder = get_customer(session, holder_id)
    found = list_customers(session, q=q, limit=PAYERS).items if q.strip() else []
    return [
        (str(holder_id), f"{holder.display_name}, the holder"),
        *(
            (str(one.id), ", ".join(filter(None, (one.display_name, one.phone or one.email))))
            for one in found
            if one.id != holder_id
        ),
    ]


class BeneficiariesForm(EndorseForm):
    """Who is paid; rows come as lists, one entry a row."""

    has_rows = True

    def wanted(self) -> dict[str, Any]:
        """Return the rows that have a name."""
        return {
            "beneficiaries": [one for one in heirs_typed() if one["first_name"] or one["last_name"]]
        }


_FORMS: dict[str, tuple[EndorsementType, type[EndorseForm], str]] = {
    "cover": (EndorsementType.CHANGE_COVER, CoverForm, "Change cover"),
    "add-member": (EndorsementType.ADD_MEMBER, AddMemberForm, "Add a member"),
    "remove-member": (EndorsementType.REMOVE_MEMBER, RemoveMemberForm, "Remove a member"),
    "beneficiaries": (
        EndorsementType.CHANGE_BENEFICIARIES,
        BeneficiariesForm,
        "Change beneficiaries",
    ),
    "due-day": (EndorsementType.CHANGE_PREMIUM_DUE_DAY, DueDayForm, "Change the due day"),
    "frequency": (EndorsementType.CHANGE_FREQUENCY, FrequencyForm, "Change the frequency"),
    "bank": (EndorsementType.CHANGE_BANK_DETAILS, BankForm, "Change bank details"),
    "payer": (EndorsementType.CHANGE_PAYER, PayerForm, "Change who pays"),
    "details": (EndorsementType.CORRECT_DETAILS, CorrectForm, "Correct details"),
}
OF_LIVES = frozenset({"add-member", "remove-member", "beneficiaries", "details"})
"""Changes of lives and of who is paid when one ends."""
KINDS = {kind: title for kind, (_type, _form, title) in _FORMS.items()}


@bp.route("/<uuid:policy_id>/endorse/<kind>", methods=["GET", "POST"])
@requires(PoliciesMay.ENDORSE)
def endorse(policy_id: UUID, kind: str) -> Response:
    """Show what a change does; issue it, or keep it as a draft."""
    line = queries.get_policy_line(db.session(), policy_id)
    if kind not in _FORMS:
        raise NotFoundError
    form = _FORMS[kind][1]()
    form.offer(line.policy)
    if request.method == "GET":
        form.effective_date.data = business_day()
        form.version.data = line.policy.current_version
    act = request.form.get("act", "")
    preview = None
    if request.method == "POST" and act != "find" and form.validate_on_submit():
        try:
            done = act_on(act, line.policy, _wanted(kind, form))
            if isinstance(done, Response):
                return done
            preview = done
        except DomainError as error:
            refuse(form, error)
            show_changed(form, policy_id, error)
    return show_act(
        on_policy(line.policy, KINDS[kind], "Issue", has_effect=True, leave="Cancel"),
        form,
        template="policies/endorse.html",
        kind=kind,
        policy=line.policy,
        preview=preview,
        heirs=_heirs(policy_id, form) if kind == "beneficiaries" else [],
        newborn_days=_newborn_days(line.policy) if kind == "add-member" else 0,
        newborn=_newborn(line.policy, form) if preview and kind == "add-member" else None,
        resolved=[] if preview is None or preview.conflicts else resolutions(),
    )


def _wanted(kind: str, form: EndorseForm) -> EndorsementRequest:
    return EndorsementRequest(
        type=_FORMS[kind][0],
        data=form.wanted(),
        effective_date=form.effective_date.data or business_day(),
        reason=form.reason.data or None,
        resolutions=dict(resolutions()),
        life_answers=answers_typed(),
        seen_version=form.version.data or None,
    )


def resolutions() -> list[tuple[UUID, str]]:
    """Return which of two conflicting changes was chosen, by the later one's id."""
    chosen = []
    for name, how in request.form.items():
        if name.startswith("conflict-") and how in (services.LATER_STANDS, services.THIS_STANDS):
            try:
                chosen.append((UUID(name.removeprefix("conflict-")), how))
            except ValueError as error:
                raise NotFoundError from error
    return chosen


def act_on(act: str, policy: Policy, wanted: EndorsementRequest) -> Response | Preview:
    """Issue a change, keep it as a draft, or return what it does."""
    on, now = business_day(), clock.now()
    back = url_for(".show", policy_id=policy.id)
    if act == "draft":
        services.draft_endorsement(policy.id, wanted, on=on, now=now)
        return go(url_for(".show", policy_id=policy.id, tab="endorsements"), "Kept as a draft.")
    if act == "issue":
        preview = services.preview_endorsement(policy.id, wanted, on=on)
        if preview.conflicts or preview.questions:
            return preview
        issued = services.endorse_policy(policy.id, wanted, on=on, now=now)
        if issued.approval_id is not None:
            return go(
                url_for("approvals.show", approval_id=issued.approval_id),
                "The change reaches far back: a second person has been asked.",
                undo=url_for("approvals.withdraw", approval_id=issued.approval_id),
            )
        change = issued.preview.adjustment
        words_ = f"{policy.policy_number} was changed. Premium {format_money(issued.preview.new_premium)}"
        if change:
            words_ += f", {format_money(change)} with the next debit"
        undo = url_for(
            ".act_on_endorsement",
            policy_id=policy.id,
            endorsement_id=issued.endorsement.id,
            act="undo",
        )
        return go(back, f"{words_}.", undo=undo)
    return services.preview_endorsement(policy.id, wanted, on=on)


def heirs_typed() -> list[dict[str, Any]]:
    """Return the beneficiaries as they were typed, one row a place."""
    from insurance.core.money import parse_money
    from insurance.web.forms import clean_text, parse_day

    names = ("kind", "first_name", "last_name", "relationship", "share", "guardian_name", "born")
    rows = []
    for at in range(HEIRS):
        typed = {name: clean_text(request.form.get(f"{name}-{at}", "")) for name in names}
        row: dict[str, Any] = {name: typed[name] for name in names if name not in ("share", "born")}
        row["kind"] = typed["kind"] if typed["kind"] in ("PRIMARY", "CONTINGENT") else "PRIMARY"
        try:
            row["share"] = parse_money(typed["share"]) if typed["share"] else Decimal(0)
            row["date_of_birth"] = parse_day(typed["born"]) if typed["born"] else None
        except (DomainError, ValueError) as error:
            raise DomainError(f"Beneficiary {at + 1}: {error}", field="beneficiaries") from error
        rows.append(row)
    return rows


def _heirs(policy_id: UUID, form: EndorseForm) -> list[dict[str, Any]]:
    if typed := drafts.typed(form):
        names = (
            "kind",
            "first_name",
            "last_name",
            "relationship",
            "share",
            "guardian_name",
            "born",
        )
        return [{name: typed.get(f"{name}-{at}", "") for name in names} for at in range(HEIRS)]
    found = [
        {
            "kind": beneficiary.kind.value,
            "first_name": beneficiary.first_name,
            "last_name": beneficiary.last_name,
            "relationship": beneficiary.relationship,
            "share": f"{beneficiary.share}".replace(".", ","),
            "guardian_name": beneficiary.guardian_name or "",
            "born": f"{beneficiary.date_of_birth:%Y/%m/%d}"
            if beneficiary.date_of_birth and may_see_identity()
            else "",
        }
        for beneficiary in queries.list_beneficiaries(db.session(), policy_id)
    ]
    empty = {"kind": "PRIMARY"}
    return (found + [empty] * HEIRS)[: max(HEIRS, len(found))]


def _newborn_days(policy: Policy) -> int:
    """Return within how many days a newborn is named who is covered from birth."""
    return load_terms(db.session(), policy.product_version_id).newborn_cover_days


def _newborn(policy: Policy, form: EndorseForm) -> tuple[str, date, bool] | None:
    """Return who would be covered from birth, from when, and whether the change says so.

    None for any other life.
    """
    terms, data = load_terms(db.session(), policy.product_version_id), form.wanted()
    born, role = data["date_of_birth"], str(data["member_role"])
    if born is None or not terms.covers_from_birth(role, born, born, business_day()):
        return None
    name = f"{data['first_name'] or ''} {data['last_name'] or ''}".strip()
    return name, born, form.effective_date.data == born


def _benefit_words(view: queries.BenefitView) -> str:
    insured = view.object_name or view.member_name
    life = f", {insured}" if insured else ""
    return f"{view.benefit.benefit_name}{life}: {format_money(view.benefit.sum_assured)}"


@bp.route("/<uuid:policy_id>/endorsements/<uuid:endorsement_id>/<act>", methods=["POST"])
@requires(PoliciesMay.ENDORSE)
def act_on_endorsement(policy_id: UUID, endorsement_id: UUID, act: str) -> Response:
    """Issue, price again or discard a draft; undo the last endorsement."""
    policy = queries.get_policy(db.session(), policy_id)
    endorsement = services.get_endorsement(db.session(), endorsement_id)
    if act not in _ACTS or endorsement.policy_id != policy_id:
        raise NotFoundError
    try:
        said = _ACTS[act](endorsement_id, business_day())
    except LifeQuestionsError as error:
        if act != "undo":
            raise
        asks = SureForm()
        asks.refused_with = error.status
        return show_act(
            on_policy(policy, "Who is insured", "Undo the change", tab="endorsements"),
            asks,
            questions=error.questions,
        )
    return go(url_for(".show", policy_id=policy_id, tab="endorsements"), said)


def _issue(endorsement_id: UUID, on: date) -> str:
    issued = services.issue_endorsement(endorsement_id, on=on, now=clock.now())
    return "A second person has been asked." if issued.approval_id else "The draft was issued."


def _reprice(endorsement_id: UUID, on: date) -> str:
    services.reprice_endorsement(endorsement_id, on=on, now=clock.now())
    return "The draft was priced on the policy as it stands."


def _discard(endorsement_id: UUID, _on: date) -> str:
    services.discard_endorsement(endorsement_id, now=clock.now())
    return "The draft was discarded."


def _undo(endorsement_id: UUID, on: date) -> str:
    services.undo_endorsement(endorsement_id, on=on, now=clock.now(), life_answers=answers_typed())
    return "The change was undone; cover, premiums and money are as before."


_ACTS: dict[str, Callable[[UUID, date], str]] = {
    "issue": _issue,
    "reprice": _reprice,
    "discard": _discard,
    "undo": _undo,
}
