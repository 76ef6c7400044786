"""A change of a product: its particulars at once, its terms in a draft."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.products import bp
from insurance.blueprints.products.compare import span
from insurance.blueprints.products.create import ProductForm, category_of, terms_of
from insurance.blueprints.products.forms import VersionField, table_choices
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.products import queries, services
from insurance.products.models import Product, ProductVersion
from insurance.products.permissions import ProductsMay
from insurance.web.access import requires
from insurance.web.html import go, page, refuse


class EditProductForm(ProductForm):
    """The same fields, with the version that the person saw."""

    version = VersionField()


@bp.route("/<uuid:product_id>/edit", methods=["GET", "POST"])
@requires(ProductsMay.EDIT)
def edit(product_id: UUID) -> Response:
    """Change a product; a launched version stays as it is and a new draft is made."""
    session = db.session()
    product = queries.get_product(session, product_id)
    draft = queries.find_draft(session, product_id)
    version = draft or queries.get_current_version(session, product_id)
    was_launched = queries.was_ever_launched(session, product_id)
    form = EditProductForm(data=_values(product, version))
    form.offer(product, is_fixed=was_launched)
    form.rate_table_id.choices = [
        ("", "None"),
        *table_choices(session, keep=[version.rate_table_id] if version.rate_table_id else []),
    ]
    if form.validate_on_submit():
        try:
            services.edit_product(
                product_id,
                _changes(form, product, version),
                version=form.version.data,
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".show", product_id=product_id, **_draft_of(product_id)), "Saved.")
    return page(
        "products/edit.html",
        part="product_form",
        status=form.status,
        form=form,
        product=product,
        version=version,
        draft=draft,
        was_launched=was_launched,
    )


@bp.post("/<uuid:product_id>/draft")
@requires(ProductsMay.EDIT)
def start_draft(product_id: UUID) -> Response:
    """Clone the version that counts into a new draft."""
    services.edit_product(product_id, {}, mode=services.EditMode.CLONE, now=clock.now())
    return go(
        url_for(".show", product_id=product_id, **_draft_of(product_id)),
        "This is a new draft. What is sold stays as it is until you launch.",
    )


def _draft_of(product_id: UUID) -> dict[str, Any]:
    draft = queries.find_draft(db.session(), product_id)
    return {"version": draft.number} if draft else {}


def _changes(form: ProductForm, product: Product, version: ProductVersion) -> dict[str, Any]:
    """Return what differs from the record, so that an unchanged form makes no new draft."""
    entered = terms_of(form) | {
        "name": form.name.data,
        "slug": form.slug.data or product.slug,
        "description": form.description.data or "",
        "class_code": form.class_code.data,
        "product_type": form.product_type.data or form.class_code.data,
        "category_id": category_of(form),
    }
    saved = _saved(product, version)
    return {name: value for name, value in entered.items() if saved[name] != value}


def _saved(product: Product, version: ProductVersion) -> dict[str, Any]:
    names = ("name", "slug", "description", "class_code", "product_type", "category_id")
    terms = {name: getattr(version, name) for name in services.Terms.__dataclass_fields__}
    loadings = {name: Decimal(text) for name, text in version.modal_loadings.items()}
    return terms | {name: getattr(product, name) for name in names} | {"modal_loadings": loadings}


def _values(product: Product, version: ProductVersion) -> dict[str, Any]:
    saved = _saved(product, version)
    loadings = saved["modal_loadings"]
    return saved | {
        "version": product.version,
        "category_id": str(product.category_id or ""),
        "rate_table_id": str(version.rate_table_id or ""),
        "product_type": "" if product.product_type == product.class_code else product.product_type,
        "quarterly_loading": loadings.get("QUARTERLY"),
        "half_yearly_loading": loadings.get("HALF_YEARLY"),
        "annual_loading": loadings.get("ANNUAL"),
        **{f"{role.lower()}_ages": span(ages) for role, ages in version.role_ages.items()},
    }
