"""What a quote must answer: rules of a draft, added, changed, taken out."""

from typing import Any
from uuid import UUID

from flask import Response, url_for
from wtforms import BooleanField, TextAreaField

from insurance.blueprints.products import bp
from insurance.blueprints.products.forms import (
    VersionField,
    WholeField,
    choices_of,
    take_out,
)
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError
from insurance.products import queries, services
from insurance.products.models import FieldType, InceptionRule, Product
from insurance.products.permissions import ProductsMay
from insurance.web.access import requires
from insurance.web.forms import ChoiceField, Form, MoneyField, Required, TextField
from insurance.web.html import go, page, refuse


class InceptionRuleForm(Form):
    """A question that a quote asks."""

    label = TextField("Question", [Required()])
    field_code = TextField("Code", [Required()], longest=40)
    field_type = ChoiceField("Answer", choices=choices_of(FieldType))
    options = TextField("Options", longest=4000, widget=TextAreaField.widget)
    min_value = MoneyField("Smallest value")
    max_value = MoneyField("Largest value")
    is_required = BooleanField("A quote cannot be saved without the answer", default=True)
    display_order = WholeField("Order in the list", nothing=1, default=1)
    version = VersionField()

    def values(self) -> dict[str, Any]:
        """Return what was entered; options stand one to a line."""
        lines = [line.strip() for line in (self.options.data or "").splitlines()]
        return {
            "label": self.label.data,
            "field_code": self.field_code.data,
            "field_type": FieldType(self.field_type.data),
            "options": [line for line in lines if line],
            "min_value": self.min_value.data,
            "max_value": self.max_value.data,
            "is_required": self.is_required.data,
            "display_order": self.display_order.data,
        }


@bp.route("/<uuid:product_id>/inception-rules/new", methods=["GET", "POST"])
@requires(ProductsMay.EDIT)
def add_inception_rule(product_id: UUID) -> Response:
    """Ask something of every quote for the draft."""
    session = db.session()
    product = queries.get_product(session, product_id)
    draft = queries.find_draft(session, product_id)
    form = InceptionRuleForm()
    if form.validate_on_submit():
        try:
            rule = services.add_inception_rule(
                product_id, services.NewInceptionRule(**form.values()), now=clock.now()
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(_back(rule), f"“{rule.label}” was added.")
    return page(
        "products/inception_rule.html",
        part="rule_form",
        status=form.status,
        form=form,
        product=product,
        draft=draft,
        rule=None,
    )


@bp.route("/<uuid:product_id>/inception-rules/<uuid:rule_id>/edit", methods=["GET", "POST"])
@requires(ProductsMay.EDIT)
def edit_inception_rule(product_id: UUID, rule_id: UUID) -> Response:
    """Change a question of the draft."""
    product, rule = _found(product_id, rule_id)
    form = InceptionRuleForm(obj=_Shown(rule))
    if form.validate_on_submit():
        entered = form.values()
        changes = {name: value for name, value in entered.items() if getattr(rule, name) != value}
        try:
            services.edit_inception_rule(rule_id, changes, version=form.version.data)
        except DomainError as error:
            refuse(form, error)
        else:
            return go(_back(rule), f"“{form.label.data}” was saved.")
    return page(
        "products/inception_rule.html",
        part="rule_form",
        status=form.status,
        form=form,
        product=product,
        draft=queries.find_draft(db.session(), product_id),
        rule=rule,
    )


@bp.route("/<uuid:product_id>/inception-rules/<uuid:rule_id>/delete", methods=["GET", "POST"])
@requires(ProductsMay.EDIT)
def delete_inception_rule(product_id: UUID, rule_id: UUID) -> Response:
    """Confirm, and stop asking the question in the draft."""
    product, rule = _found(product_id, rule_id)
    return take_out(
        product,
        f"“{rule.label}”",
        _back(rule),
        "Quotes for this draft will no longer ask the question.",
        lambda: services.delete_inception_rule(rule_id),
    )


class _Shown:
    """A rule as its form shows it: one option to a line."""

    def __init__(self, rule: InceptionRule) -> None:
        self._rule = rule
        self.options = "\n".join(rule.options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rule, name)


def _found(product_id: UUID, rule_id: UUID) -> tuple[Product, InceptionRule]:
    session = db.session()
    product = queries.get_product(session, product_id)
    rule = queries.get_inception_rule(session, rule_id)
    if queries.get_version(session, rule.product_version_id).product_id != product_id:
        raise NotFoundError("There is no such inception rule.")
    return product, rule


def _back(rule: InceptionRule) -> str:
    version = queries.get_version(db.session(), rule.product_version_id)
    return url_for(".show", product_id=version.product_id, version=version.number)
