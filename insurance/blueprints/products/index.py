"""The list of products, by status and class."""

from flask import Response

from insurance.blueprints.products import bp
from insurance.core.db import db
from insurance.products import queries
from insurance.products.models import ProductStatus
from insurance.products.permissions import ProductsMay
from insurance.products.queries import ProductLine
from insurance.web import lists
from insurance.web.access import requires


@bp.route("", methods=["GET", "POST"])
@requires(ProductsMay.VIEW)
def index() -> Response:
    """Show products by name, narrowed by what the address says."""
    return lists.show(_PRODUCTS)


def _tabs(counts: dict[ProductStatus, int]) -> list[lists.Tab]:
    order = (ProductStatus.LAUNCHED, ProductStatus.DRAFT, ProductStatus.WITHDRAWN)
    return lists.tabs_of(order, counts, every=sum(counts.values()))


def _ages(line: ProductLine) -> str:
    low, high = line.version.min_entry_age, line.version.max_entry_age
    if low is None and high is None:
        return ""
    return f"{low or 0}–{120 if high is None else high}"


def _benefits(line: ProductLine) -> int:
    by_benefit = line.version.pricing_method == "BENEFIT_LEVEL" or line.benefits
    return line.benefits if by_benefit else 1


def _version(line: ProductLine) -> lists.Cell:
    is_other = line.draft_number and line.draft_number != line.version.number
    return lists.Cell(line.version.number, note=f"· draft {line.draft_number}" if is_other else "")


def _classes(_facts: object) -> list[tuple[str, str]]:
    classes = queries.list_classes(db.session())
    return [(class_.code, class_.name) for class_ in classes if class_.is_licensed]


_NEW = lists.new("New product", "products.create", ProductsMay.EDIT)
_PRODUCTS = lists.ListScreen(
    title="Products",
    rows_of=lists.whole(queries.list_products, q="search"),
    id_of=lambda line: line.product.id,
    record=("products.show", "product_id"),
    facts=lambda: queries.count_products(db.session()),
    tabs=_tabs,
    fields=(
        lists.search("Name"),
        lists.Field("class_code", "Class", choices=_classes, empty="All classes"),
    ),
    columns=lists.columns(
        "product.name: Product | product.status: Status, tag, key | class_name: Class",
        "category_name: Category, muted | version.pricing_method: Pricing, code",
        "benefits: Benefits, number | ages: Entry age",
        "version.max_sum_assured: Largest cover, rand | version: Version",
        benefits=_benefits,
        ages=_ages,
        version=_version,
    ),
    buttons=(lists.Button("Categories", "products.categories"), _NEW),
    empty=lists.Empty(
        "There are no products yet",
        "A product needs benefits and rates before it can be launched and quoted.",
        "Create the first one",
    ),
    none_in_tab="No product is in this state",
    none_match="No products match",
    rows=50,
)
