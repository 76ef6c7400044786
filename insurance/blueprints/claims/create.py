"""Registering a claim from a policy."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from wtforms import TextAreaField

from insurance.blueprints.claims import bp
from insurance.claims import queries, services
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import CLAIM_TYPES, causes_for, ends_life
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.money import ZERO
from insurance.customers.models import CustomerKind
from insurance.customers.queries import get_customer
from insurance.policies.models import PolicyMember
from insurance.policies.queries import (
    BenefitView,
    get_policy_line,
    list_beneficiaries,
    list_benefits,
    list_members,
)
from insurance.products.queries import load_terms
from insurance.products.rules import STILLBIRTH, ProductTerms
from insurance.quotes.rules import excess_words
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.filters import words
from insurance.web.forms import (
    ChoiceField,
    DayField,
    Form,
    MoneyField,
    Required,
    TextField,
    WholeField,
)
from insurance.web.html import go, page, refuse


class ClaimForm(Form):
    """What happened, who claims, who is paid; the amounts are fields of the policy's benefits."""

    claim_type = ChoiceField("Type of claim", [Required()])
    event_date = DayField("Day of the event", [Required()])
    cause = ChoiceField("Cause", [Required()])
    gestation_weeks = WholeField("Weeks of pregnancy")
    life = ChoiceField("Life")
    description = TextField("What happened", longest=4000, widget=TextAreaField.widget)
    claimant_name = TextField("Name of the claimant", [Required()])
    claimant_email = TextField("E-mail")
    claimant_phone = TextField("Telephone", longest=40)
    claimant_relationship = TextField("Relationship to the life insured", longest=60)
    payee_name = TextField("Name of the payee")
    payee_bank = TextField("Bank", longest=60)
    payee_branch_code = TextField("Branch code", longest=10)
    payee_account_number = TextField("Account number", longest=24)

    benefits: list[BenefitView]
    together: Mapping[UUID, list[PolicyMember]]
    """The lives that a benefit covers together, by the benefit."""

    def amount_fields(self) -> list[tuple[BenefitView, Any]]:
        """Return each benefit with the field of its amount."""
        return [(view, self._fields[f"amount_{place}"]) for place, view in enumerate(self.benefits)]


def _form(
    benefits: list[BenefitView], terms: ProductTerms, members: Sequence[PolicyMember]
) -> ClaimForm:
    several = len({view.object_name for view in benefits}) > 1
    fields: dict[str, Any] = {
        f"amount_{place}": MoneyField(
            f"Claimed of {view.benefit.benefit_name}"
            + (f", {view.object_name}" if several and view.object_name else "")
        )
        for place, view in enumerate(benefits)
    }
    if not terms.insures_persons:
        fields["claimant_relationship"] = TextField("Relationship to the policyholder", longest=60)
    form: ClaimForm = type("ClaimForm", (ClaimForm,), fields)()
    form.benefits = benefits
    form.together = {
        view.benefit.id: list(members)
        if view.benefit.benefit_type_code == STILLBIRTH
        else services.lives_covered(view.benefit, terms, members, on=None)
        for view in benefits
        if terms.insures_persons
    }
    lives = {str(one.id): services.name_of(one) for all_ in form.together.values() for one in all_}
    form.life.choices = [("", "The life of the benefit"), *lives.items()]
    if len(lives) < 2:
        del form.life
    wanted = {
        kind for kind in CLAIM_TYPES
        if any(view.benefit.benefit_type_code in CLAIM_TYPES[kind] for view in benefits)
    }  # fmt: skip
    if STILLBIRTH not in wanted:
        del form.gestation_weeks
    form.claim_type.choices = [(one, words(one)) for one in CLAIM_TYPES if one in wanted]
    form.cause.choices = [(cause, words(cause)) for cause in causes_for(terms.category)]
    return form


@bp.route("/new/<uuid:policy_id>", methods=["GET", "POST"])
@requires(ClaimsMay.SUBMIT)
def create(policy_id: UUID) -> Response:
    """Register a claim on a policy."""
    session, on = db.session(), business_day()
    line = get_policy_line(session, policy_id)
    benefits = list_benefits(session, policy_id)
    terms = load_terms(session, line.policy.product_version_id)
    form = _form(benefits, terms, list_members(session, policy_id))
    is_on_death = any(ends_life(kind) for kind, _words in form.claim_type.choices)
    used = queries.used_cover(session, [view.benefit.id for view in benefits])
    holder = get_customer(session, line.policy.customer_id)
    if request.method == "GET":
        form.event_date.data = on
        if not is_on_death:
            form.claimant_name.data = holder.display_name
            form.claimant_email.data = holder.email or ""
            form.claimant_phone.data = holder.phone or ""
    if form.validate_on_submit():
        try:
            claim = services.submit_claim(policy_id, _wanted(form), on=on, now=clock.now())
        except DomainError as error:
            _refuse(form, error)
        else:
            return go(
                url_for(".show", claim_id=claim.id), f"Claim {claim.claim_number} is registered."
            )
    return page(
        "claims/create.html",
        part="claim_form",
        status=form.status,
        form=form,
        line=line,
        heirs=list_beneficiaries(session, policy_id),
        is_on_death=is_on_death,
        of_lives=terms.insures_persons,
        covered={
            benefit_id: ", ".join(services.name_of(life) for life in lives)
            for benefit_id, lives in form.together.items()
        },
        excess={
            view.benefit.id: excess_words(*terms.excess(view.benefit.benefit_code))
            for view in benefits
        },
        other_holder=None if holder.kind is CustomerKind.PERSON else holder.display_name,
        remaining={
            view.benefit.id: max(view.benefit.sum_assured - used[view.benefit.id], ZERO)
            for view in benefits
        },
    )


def _wanted(form: ClaimForm) -> services.NewClaim:
    payees = []
    if form.payee_name.data:
        payees.append(
            services.Payee(
                name=form.payee_name.data,
                bank=form.payee_bank.data,
                branch_code=form.payee_branch_code.data,
                account_number=form.payee_account_number.data,
            )
        )
    return services.NewClaim(
        claim_type=form.claim_type.data or "",
        items=[
            services.NewItem(
                policy_benefit_id=view.benefit.id,
                claimed_amount=field.data,
                policy_member_id=_whose(form, view),
            )
            for view, field in form.amount_fields()
            if field.data is not None and field.data > ZERO
        ],
        event_date=form.event_date.data,
        claim_date=business_day(),
        cause=form.cause.data,
        gestation_weeks=form.gestation_weeks.data
        if form.gestation_weeks and form.claim_type.data == STILLBIRTH
        else None,
        description=form.description.data or "",
        claimant=services.Claimant(
            name=form.claimant_name.data or "",
            email=form.claimant_email.data or None,
            phone=form.claimant_phone.data or None,
            relationship=form.claimant_relationship.data or None,
        ),
        payees=payees,
    )


def _whose(form: ClaimForm, view: BenefitView) -> UUID | None:
    """Return the life that was chosen, for a benefit that covers it among others."""
    chosen = form.life.data if "life" in form else ""
    lives = [one.id for one in form.together.get(view.benefit.id, []) if str(one.id) == chosen]
    return lives[0] if lives else None


def _refuse(form: ClaimForm, error: DomainError) -> None:
    """Put a refusal beside the field of the screen that it concerns."""
    for one in error.errors:
        name = (one.field or "").replace("payee.", "payee_").replace("claimant.", "claimant_")
        if name in ("email", "phone"):
            name = f"claimant_{name}"
        if name.endswith(".policy_member_id") and "life" in form:
            name = "life"
        one.field = name
    refuse(form, error)
