"""One product: its terms, benefits, rates, inception rules and versions."""

from collections.abc import Sequence
from uuid import UUID

from flask import Response, request

from insurance.blueprints.products import bp
from insurance.blueprints.products.launch import places_to_mend
from insurance.blueprints.products.rate_grid import grids_of
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.products import queries
from insurance.products.models import ProductVersion, VersionStatus
from insurance.products.permissions import ProductsMay
from insurance.products.rules import insures_persons
from insurance.products.services import find_waiting_launch
from insurance.quotes.rules import excess_words
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.html import page

_SHOWN_ROWS = 600
"""A larger rate table is read on its own page."""


@bp.get("/<uuid:product_id>")
@requires(ProductsMay.VIEW)
def show(product_id: UUID) -> Response:
    """Show a version of a product: the one asked for, else the one that counts."""
    session = db.session()
    line = queries.get_product_line(session, product_id)
    versions = queries.list_versions(session, product_id)
    version = _chosen(versions, request.args.get("version"), line.version)
    content = queries.get_content(session, version)
    main = queries.load_terms(session, version.id).main_benefit
    tables = queries.load_rate_tables(session, content.rate_tables)
    checks = (
        queries.launch_checklist(session, version, business_day())
        if version.status is VersionStatus.DRAFT
        else []
    )
    draft = next((one for one in versions if one.status is VersionStatus.DRAFT), None)
    return page(
        "products/show.html",
        line=line,
        product=line.product,
        versions=versions,
        version=version,
        draft=draft,
        waiting=find_waiting_launch(session, line.product),
        was_launched=any(one.status is not VersionStatus.DRAFT for one in versions),
        content=content,
        main_code=main.code if main else None,
        grids=[
            (table, grids_of(table) if len(table.rows) <= _SHOWN_ROWS else [])
            for table in tables.values()
        ],
        checks=checks,
        mend=places_to_mend(product_id),
        insures_persons=insures_persons(line.class_category.value, line.product.class_code),
        excess_words=excess_words,
    )


def _chosen(
    versions: Sequence[ProductVersion], number: str | None, current: ProductVersion
) -> ProductVersion:
    if number is None:
        return current
    for version in versions:
        if str(version.number) == number:
            return version
    raise NotFoundError("There is no such product version.")
