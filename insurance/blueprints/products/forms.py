"""Fields, choices and acts that the product forms share."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from flask import Response, url_for
from sqlalchemy.orm import Session

from insurance.products import queries
from insurance.products.models import Product
from insurance.products.queries import ClassChoice
from insurance.web.acts import Act, act_screen
from insurance.web.filters import words
from insurance.web.forms import SureForm
from insurance.web.forms import VersionField as VersionField
from insurance.web.forms import WholeField as WholeField
from insurance.web.forms import choices_of as choices_of


def class_choices(classes: Iterable[ClassChoice], *, keep: str = "") -> list[tuple[str, str]]:
    """Return the licensed classes, and the one that a product already has."""
    return [
        (class_.code, class_.name if class_.is_licensed else f"{class_.name} (not licensed)")
        for class_ in classes
        if class_.is_licensed or class_.code == keep
    ]


def table_choices(session: Session, *, keep: Iterable[UUID] = ()) -> list[tuple[str, str]]:
    """Return the newest version of each rate table, and the ones that are bound already."""
    newest = queries.latest_rate_tables(session)
    known = {table.id for table in newest}
    bound = queries.find_rate_tables(session, [one for one in keep if one not in known])
    return [
        (str(table.id), f"{table.table_name}, version {table.version} ({words(table.rate_basis)})")
        for table in [*newest, *bound.values()]
    ]


def on_product(product: Product, title: str, verb: str, *, back: str = "", **more: Any) -> Act:
    """Return an act on a product, which goes back to it."""
    back = back or url_for(".show", product_id=product.id)
    crumbs = [("Products", url_for(".index")), (product.name, back)]
    return Act(title, verb, back, crumbs, leave=more.pop("leave", "Cancel"), **more)


def take_out(
    product: Product, name: str, back: str, effect: str, do: Callable[[], None]
) -> Response:
    """Ask, and take a part out of the draft."""
    act = on_product(
        product, f"Take out {name}", "Take out", back=back, says=effect, is_danger=True
    )
    return act_screen(act, SureForm(), do, f"{name} was taken out.")
