"""Benefits of a draft: added, changed, taken out."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, url_for
from wtforms import BooleanField

from insurance.blueprints.products import bp
from insurance.blueprints.products.forms import (
    VersionField,
    WholeField,
    choices_of,
    table_choices,
    take_out,
)
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError
from insurance.products import queries, services
from insurance.products.models import (
    AmountType,
    MemberRole,
    ObjectKind,
    Product,
    ProductBenefit,
)
from insurance.products.permissions import ProductsMay
from insurance.products.rules import OBJECT_KINDS, insures_persons, object_kinds
from insurance.web.access import requires
from insurance.web.forms import ChoiceField, Form, MoneyField, RateField, Required, TextField
from insurance.web.html import go, page, refuse


class BenefitForm(Form):
    """A benefit: what it pays, on whose life or which object, and what it costs."""

    benefit_type_code = ChoiceField("Benefit type", [Required("Choose a type.")], empty="Choose…")
    benefit_name = TextField("Name", [Required()])
    benefit_code = TextField("Code", longest=40)
    member_role = ChoiceField(
        "Whose life", choices=choices_of(MemberRole), default=MemberRole.MAIN_MEMBER.value
    )
    benefit_amount_type = ChoiceField("Amount", choices=choices_of(AmountType))
    default_amount = MoneyField("Default amount, per cent or multiple")
    max_amount = MoneyField("Largest amount")
    waiting_period_days = WholeField("Waiting period in days", nothing=0, default=0)
    rate_table_id = ChoiceField("Rate table", empty="None: a flat premium", default="")
    flat_premium = MoneyField("Flat premium a month")
    is_mandatory = BooleanField("Every policy has this benefit", default=True)
    is_main = BooleanField("Main benefit: its cover is the cover of the policy")
    per_policy = BooleanField("One premium for all lives of the role")
    object_kind = ChoiceField("What is insured", empty="Everything the policy insures", default="")
    excess_amount = MoneyField("Excess in rand", default=Decimal(0))
    excess_per_cent = RateField("Excess in per cent of the loss", default=Decimal(0))
    display_order = WholeField("Order in the list", nothing=1, default=1)
    version = VersionField()
    insures_persons = True
    is_life = True
    object_kinds: tuple[str, ...] = ()

    def offer(self, product: Product, benefit: ProductBenefit | None = None) -> None:
        """Fill the choices with what the product's class allows and with the newest tables."""
        session = db.session()
        allowed = queries.list_allowed_benefits(session, product.class_code)
        self.benefit_type_code.choices = [
            ("", "Choose…"),
            *((one.code, one.name) for one in allowed),
        ]
        found = next(
            class_ for class_ in queries.list_classes(session) if class_.code == product.class_code
        )
        self.is_life = found.category.value == "LIFE"
        self.insures_persons = insures_persons(found.category.value, found.code)
        self.object_kinds = object_kinds(found.code)
        kinds = [(kind, OBJECT_KINDS[kind]) for kind in self.object_kinds]
        self.object_kind.choices = [("", "Everything the policy insures"), *kinds]
        self.object_kind.data = self.object_kind.data or ""
        if not self.insures_persons:
            self.per_policy.label.text = "One premium for the whole policy"
        bound = [benefit.rate_table_id] if benefit and benefit.rate_table_id else []
        self.rate_table_id.choices = [
            ("", "None: a flat premium"),
            *table_choices(session, keep=bound),
        ]

    def values(self) -> dict[str, Any]:
        """Return what was entered; without a code the type gives it."""
        return {
            "benefit_type_code": self.benefit_type_code.data,
            "benefit_name": self.benefit_name.data,
            "benefit_code": self.benefit_code.data or self.benefit_type_code.data,
            "member_role": MemberRole(self.member_role.data or MemberRole.MAIN_MEMBER),
            "benefit_amount_type": AmountType(self.benefit_amount_type.data),
            "default_amount": self.default_amount.data,
            "max_amount": self.max_amount.data,
            "waiting_period_days": self.waiting_period_days.data,
            "rate_table_id": UUID(self.rate_table_id.data) if self.rate_table_id.data else None,
            "flat_premium": self.flat_premium.data,
            "is_mandatory": self.is_mandatory.data,
            "is_main": self.is_main.data,
            "per_policy": self.per_policy.data,
            "object_kind": ObjectKind(self.object_kind.data) if self.object_kind.data else None,
            "excess_amount": self.excess_amount.data or Decimal(0),
            "excess_per_cent": self.excess_per_cent.data or Decimal(0),
            "display_order": self.display_order.data,
        }


@bp.route("/<uuid:product_id>/benefits/new", methods=["GET", "POST"])
@requires(ProductsMay.EDIT)
def add_benefit(product_id: UUID) -> Response:
    """Add a benefit to the draft; a launched version is cloned into one first."""
    session = db.session()
    product = queries.get_product(session, product_id)
    draft = queries.find_draft(session, product_id)
    form = BenefitForm()
    form.offer(product)
    if form.validate_on_submit():
        try:
            benefit = services.add_benefit(
                product_id, services.NewBenefit(**form.values()), now=clock.now()
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(_back(benefit), f"{benefit.benefit_name} was added.")
    return page(
        "products/benefit.html",
        part="benefit_form",
        status=form.status,
        form=form,
        product=product,
        draft=draft,
        benefit=None,
    )


@bp.route("/<uuid:product_id>/benefits/<uuid:benefit_id>/edit", methods=["GET", "POST"])
@requires(ProductsMay.EDIT)
def edit_benefit(product_id: UUID, benefit_id: UUID) -> Response:
    """Change a benefit of the draft."""
    product, benefit = _found(product_id, benefit_id)
    form = BenefitForm(obj=benefit)
    form.offer(product, benefit)
    if form.validate_on_submit():
        try:
            services.edit_benefit(benefit_id, _changes(form, benefit), version=form.version.data)
        except DomainError as error:
            refuse(form, error)
        else:
            return go(_back(benefit), f"{form.benefit_name.data} was saved.")
    return page(
        "products/benefit.html",
        part="benefit_form",
        status=form.status,
        form=form,
        product=product,
        draft=queries.find_draft(db.session(), product_id),
        benefit=benefit,
    )


@bp.route("/<uuid:product_id>/benefits/<uuid:benefit_id>/delete", methods=["GET", "POST"])
@requires(ProductsMay.EDIT)
def delete_benefit(product_id: UUID, benefit_id: UUID) -> Response:
    """Ask, and take a benefit out of the draft."""
    product, benefit = _found(product_id, benefit_id)
    return take_out(
        product,
        benefit.benefit_name,
        _back(benefit),
        "Quotes for this draft will no longer contain the benefit.",
        lambda: services.delete_benefit(benefit_id),
    )


def _changes(form: BenefitForm, benefit: ProductBenefit) -> dict[str, Any]:
    entered = form.values()
    changed = {name: value for name, value in entered.items() if getattr(benefit, name) != value}
    # The two prices go together: the service must see both to refuse both.
    if {"rate_table_id", "flat_premium"} & set(changed):
        changed |= {name: entered[name] for name in ("rate_table_id", "flat_premium")}
        changed["rate_basis"] = None
    return changed


def _found(product_id: UUID, benefit_id: UUID) -> tuple[Product, ProductBenefit]:
    session = db.session()
    product = queries.get_product(session, product_id)
    benefit = queries.get_benefit(session, benefit_id)
    version = queries.get_version(session, benefit.product_version_id)
    if version.product_id != product_id:
        raise NotFoundError("There is no such benefit.")
    return product, benefit


def _back(benefit: ProductBenefit) -> str:
    version = queries.get_version(db.session(), benefit.product_version_id)
    return url_for(".show", product_id=version.product_id, version=version.number)
