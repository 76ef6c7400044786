"""Rate tables: the list, one table as a grid, and a new table or version from a pasted sheet."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from wtforms import BooleanField, TextAreaField

from insurance.blueprints.products import bp
from insurance.blueprints.products.forms import choices_of
from insurance.blueprints.products.rate_grid import grids_of
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError, raise_all
from insurance.products import queries, services
from insurance.products.models import RateBasis, RateMethod
from insurance.products.permissions import ProductsMay
from insurance.products.rules import RateTable
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.filters import rate
from insurance.web.forms import ChoiceField, Form, RateField, Required, TextField
from insurance.web.html import go, page, refuse

_SHEET = 200_000


class SheetField(TextAreaField):
    """A sheet of cells, pasted. It is read by the area, line by line."""

    def pre_validate(self, form: Any) -> None:
        """Refuse a sheet that is too long to be one of rates."""
        if len(self.data or "") > _SHEET:
            raise ValueError(f"At most {_SHEET:,} characters.".replace(",", " "))


class RateTableForm(Form):
    """A table of rates, pasted from a spreadsheet."""

    table_name = TextField("Name", [Required()])
    table_code = TextField("Code", [Required()], longest=60)
    rate_basis = ChoiceField("Rates are", choices=choices_of(RateBasis))
    method = ChoiceField("Method", choices=choices_of(RateMethod))
    entries = SheetField("Rates")
    allows_gaps = BooleanField("These ages are left out on purpose")
    base_rate = RateField("Base rate")
    relativities = SheetField("Relativities")

    gaps: Sequence[str] = ()

    def facts(self) -> services.NewRateTable:
        """Return what was entered. Raises DomainError(s) at the sheets for what cannot be read."""
        method = RateMethod(self.method.data)
        is_matrix = method is RateMethod.MATRIX
        rows = services.read_rates(self.entries.data or "", field="entries") if is_matrix else []
        if not self.allows_gaps.data:
            self.gaps = services.find_age_gaps(rows)
            raise_all([DomainError(words, field="entries") for words in self.gaps])
        return services.NewRateTable(
            table_code=self.table_code.data or "",
            table_name=self.table_name.data or "",
            rate_basis=RateBasis(self.rate_basis.data),
            method=method,
            base_rate=None if is_matrix else self.base_rate.data,
            entries=rows,
            relativities=[]
            if is_matrix
            else services.read_relativities(self.relativities.data or "", field="relativities"),
        )


@bp.route("/rate-tables", methods=["GET", "POST"])
@requires(ProductsMay.VIEW)
def rate_tables() -> Response:
    """Show the rate tables by code, the newest version first."""
    return lists.show(_TABLES)


@bp.get("/rate-tables/<uuid:table_id>")
@requires(ProductsMay.VIEW)
def rate_table(table_id: UUID) -> Response:
    """Show a table as a grid, with its other versions and what it prices."""
    session = db.session()
    record = queries.get_rate_table(session, table_id)
    table = queries.load_rate_tables(session, [table_id])[table_id]
    versions = queries.list_table_versions(session, record.table_code)
    earlier = next((version for version in versions if version.version < record.version), None)
    changes = []
    if earlier is not None:
        before = queries.load_rate_tables(session, [earlier.id])[earlier.id]
        changes = queries.compare_rates(before, table)
    return page(
        "products/rate_table.html",
        record=record,
        table=table,
        grids=grids_of(table),
        versions=versions,
        earlier=earlier,
        changes=[(change.field, _rate(change.before), _rate(change.after)) for change in changes],
        uses=queries.list_table_uses(session, table_id),
    )


@bp.route("/rate-tables/new", methods=["GET", "POST"])
@requires(ProductsMay.EDIT)
def create_rate_table() -> Response:
    """Make a table, or the next version of one: `from` names the table to start from."""
    form = RateTableForm(data=_start())
    if form.validate_on_submit():
        try:
            table = services.create_rate_table(form.facts(), now=clock.now())
        except DomainError as error:
            _refuse_sheet(form, error)
        else:
            return go(
                url_for(".rate_table", table_id=table.id),
                f"Version {table.version} of {table.table_name} was made."
                " Bind benefits to it to use it.",
            )
    return page(
        "products/create_rate_table.html",
        part="rate_table_form",
        status=form.status,
        form=form,
    )


def _refuse_sheet(form: RateTableForm, error: DomainError) -> None:
    """Put the refusal of a row at the sheet that holds it, at most twenty of them."""
    for single in error.errors[:20]:
        field = (single.field or "").split(".")[0]
        refuse(form, DomainError(single.message, field=field))
    if len(error.errors) > 20:
        form.form_errors.append(f"And {len(error.errors) - 20} more.")
    form.refused_with = error.status


def _start() -> dict[str, Any]:
    """Return a form's first values: those of the table that the address names."""
    try:
        table_id = UUID(request.args.get("from", ""))
    except ValueError:
        return {}
    session = db.session()
    record = queries.get_rate_table(session, table_id)
    table = queries.load_rate_tables(session, [table_id])[table_id]
    return {
        "table_name": record.table_name,
        "table_code": record.table_code,
        "rate_basis": record.rate_basis.value,
        "method": record.method.value,
        "base_rate": record.base_rate,
        "entries": _sheet(table),
        "relativities": "\n".join(
            f"{factor}, {level}, {value:f}"
            for factor, levels in table.relativities.items()
            for level, value in levels.items()
        ),
    }


def _sheet(table: RateTable) -> str:
    """Return a table's rows as they could have been pasted."""
    if not table.rows:
        return ""
    heading = ["age_from", "age_to", "gender", *table.rating_factors, "rate"]
    lines = [
        [
            "" if row.age_from is None else str(row.age_from),
            "" if row.age_to is None else str(row.age_to),
            row.gender,
            *(dict(row.factors).get(name, "") for name in table.rating_factors),
            f"{row.rate:f}",
        ]
        for row in table.rows
    ]
    return "\n".join(",".join(cells) for cells in [heading, *lines])


def _rate(value: Decimal | None) -> str | None:
    return None if value is None else rate(value)


_NEW = lists.new("New rate table", "products.create_rate_table", ProductsMay.EDIT)
_TABLES = lists.ListScreen(
    title="Rate tables",
    caption="Rate tables by code, the newest version first",
    rows_of=lists.whole(queries.list_rate_tables),
    id_of=lambda line: line.table.id,
    record=("products.rate_table", "table_id"),
    columns=lists.columns(
        "table.table_name: Rate table | table.table_code: Code, muted",
        "table.version: Version, number, key | table.rate_basis: Basis, code",
        "table.method: Method, code | factors: Rated by, code | rows: Rows, number",
        "used_by: Prices, number | table.created_at: Made, moment",
        factors=lambda line: list(line.table.rating_factors),
    ),
    buttons=[_NEW],
    empty=lists.Empty(
        "There are no rate tables yet",
        "A rate table says what cover costs by age, gender and rating factors.",
        "Paste the first one",
    ),
    rows=50,
)
