"""Files that nobody knows: which column is what, tried on the file itself, saved under a name."""

import base64
import binascii
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from wtforms import HiddenField, RadioField

from insurance.blueprints.reconciliation import bp
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.money import ZERO
from insurance.reconciliation import queries, services
from insurance.reconciliation.models import ReconciliationMapping
from insurance.reconciliation.permissions import ReconciliationMay
from insurance.reconciliation.readers import (
    FIELDS,
    Mapping,
    UnknownFileError,
    check,
    plain_names,
    propose,
    read_file,
)
from insurance.reconciliation.rules import Row, read_row
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import Form, MoneyField, Required, TextField
from insurance.web.html import go, page, refuse

TRIED = 5
"""Rows that are shown as they would be read."""
_PACKED_AT_MOST = 300_000
_UNPACKED_AT_MOST = 20 * 1024 * 1024
_WIDEST = 40


class MappingForm(Form):
    """A name for the mapping; and the file, carried along so that it is uploaded once."""

    name = TextField("Name", [Required()], longest=80)
    order = RadioField(
        "Days are written",
        choices=[("day", "day first: 27/11/2026"), ("month", "month first: 11/27/2026")],
        default="day",
    )
    packed = HiddenField()
    file_name = HiddenField()
    policy_number = HiddenField()
    tolerance = MoneyField("Write off")


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column of the file: its name, what stands under it, and what it is said to be."""

    name: str
    values: Sequence[str]
    field: str


@bp.route("/mappings", methods=["GET", "POST"])
@requires(ReconciliationMay.VIEW)
def mappings() -> Response:
    """List the saved mappings."""
    return lists.show(_MAPPINGS)


def _columns(mapping: ReconciliationMapping) -> str:
    named = [(name, mapping.columns.get(field)) for field, name in FIELDS.items()]
    return "; ".join(f"{name}: {column}" for name, column in named if column)


def _delete(mapping: ReconciliationMapping) -> list[lists.Cell]:
    if not current_actor().may(ReconciliationMay.UPLOAD):
        return []
    url = url_for(".delete_mapping", mapping_id=mapping.id)
    return [lists.Cell("Delete", url, says=f"Delete {mapping.name}", is_act=True, posts=True)]


_MAPPINGS = lists.ListScreen(
    title="Mappings",
    crumbs=[("Reconciliation", "reconciliation.index")],
    rows_of=lambda session, _: queries.list_mappings(session),
    columns=lists.columns(
        "name: Name | columns: Columns, wrapped | days: Days, key",
        "saved_by: Saved by, person, muted | saved_at: Saved, moment | delete: -",
        columns=_columns,
        days=lambda mapping: "Month first" if mapping.is_month_first else "Day first",
        delete=_delete,
    ),
    empty=lists.Empty(
        "There are no mappings yet",
        "Upload a file that we do not know: you are asked which column is what. A file with the"
        " heading of a mapping is then read by it.",
    ),
    is_exported=False,
)


@bp.post("/mappings/<uuid:mapping_id>/delete")
@requires(ReconciliationMay.UPLOAD)
def delete_mapping(mapping_id: UUID) -> Response:
    """Forget a mapping."""
    name = queries.get_mapping(db.session(), mapping_id).name
    services.delete_mapping(mapping_id)
    return go(url_for(".mappings"), f"The mapping {name} was deleted.")


def ask(unknown: UnknownFileError, upload: Any) -> Response:
    """Ask what the columns of a file are that was just uploaded, with a proposal."""
    upload.file.data.seek(0)
    form = MappingForm(formdata=None)
    form.packed.data = _pack(upload.file.data.read())
    form.file_name.data = (upload.file.data.filename or "")[:200]
    form.policy_number.data = upload.policy_number.data
    form.tolerance.data = upload.tolerance.data
    columns = [
        MappedColumn(name, [line[at] for line in unknown.sample], unknown.proposal.get(at, ""))
        for at, name in enumerate(unknown.heading)
    ]
    return _page(form, columns, message=unknown.message)


@bp.post("/mappings/new")
@requires(ReconciliationMay.UPLOAD)
def save_mapping() -> Response:
    """Show what a mapping reads, or save it and take the file in."""
    form = MappingForm()
    columns = _sent_columns()
    if not form.validate_on_submit():
        return _page(form, columns)
    heading = [column.name for column in columns]
    try:
        content = _unpack(form.packed.data or "")
        mapping = _mapping(form, heading, columns)
        if request.form.get("step") == "try":
            return _page(form, columns, tried=_try(content, mapping))
        services.save_mapping(
            mapping.name,
            heading,
            {field: mapping.heading[at] for at, field in mapping.columns.items()},
            is_month_first=mapping.is_month_first,
            now=clock.now(),
        )
        return _take_in(form, content)
    except DomainError as error:
        refuse(form, error)
        return _page(form, columns, status=error.status)


def _sent_columns() -> list[MappedColumn]:
    names = request.form.getlist("heading")[:_WIDEST]
    return [
        MappedColumn(
            name[:200],
            [value[:200] for value in request.form.getlist(f"value-{at}")[:6]],
            request.form.get(f"column-{at}", ""),
        )
        for at, name in enumerate(names)
    ]


def _mapping(form: MappingForm, heading: Sequence[str], columns: Sequence[MappedColumn]) -> Mapping:
    fields = {at: column.field for at, column in enumerate(columns) if column.field}
    check(form.name.data or "", heading, fields)
    names = tuple(plain_names(heading))
    return Mapping(form.name.data or "", names, fields, form.order.data == "month")


def _try(content: bytes | None, mapping: Mapping) -> list[Any]:
    """Return the first rows as they would be read, each with what is wrong with it."""
    if content is None:
        return []
    reading = read_file(content, mappings=[mapping])
    tried = []
    for raw in islice(reading.rows, TRIED):
        row = read_row(raw, on=business_day())
        faults = [] if isinstance(row, Row) else [f"{one.field}: {one.message}" for one in row]
        tried.append((raw, row if isinstance(row, Row) else None, "; ".join(faults)))
    return tried


def _take_in(form: MappingForm, content: bytes | None) -> Response:
    said = f"The mapping {form.name.data} was saved."
    if content is None:
        return go(url_for(".upload"), f"{said} Upload the file again.")
    number = (form.policy_number.data or "").upper()
    policy = queries.find_policies(db.session(), [number]).get(number) if number else None
    file = services.preview_upload(
        content,
        form.file_name.data or "",
        policy.id if policy else None,
        on=business_day(),
        now=clock.now(),
        tolerance=form.tolerance.data or ZERO,
    )
    return go(url_for(".show", file_id=file.id), said)


def _pack(content: bytes) -> str:
    """Return a file as text for a hidden field; nothing where it is too long for one."""
    packed = base64.b64encode(zlib.compress(content, 9)).decode()
    return packed if len(packed) <= _PACKED_AT_MOST else ""


def _unpack(packed: str) -> bytes | None:
    if not packed:
        return None
    inflate = zlib.decompressobj()
    try:
        content = inflate.decompress(base64.b64decode(packed, validate=True), _UNPACKED_AT_MOST)
    except (binascii.Error, ValueError, zlib.error):
        content = b""
    if not content or not inflate.eof:
        raise DomainError("The file did not come along. Upload it again.")
    return content


def _page(
    form: MappingForm,
    columns: Sequence[MappedColumn],
    *,
    tried: Sequence[Any] | None = None,
    message: str = "",
    status: int | None = None,
) -> Response:
    names = plain_names([column.name for column in columns])
    proposal = propose(names) if not any(column.field for column in columns) else {}
    return page(
        "reconciliation/mapping.html",
        status=status or (422 if message else form.status),
        form=form,
        columns=[
            MappedColumn(one.name, one.values, one.field or proposal.get(at, ""))
            for at, one in enumerate(columns)
        ],
        fields=FIELDS,
        tried=tried,
        message=message,
    )
