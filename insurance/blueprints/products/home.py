"""The first product of a new organization."""

from insurance.products.models import ProductStatus
from insurance.products.permissions import ProductsMay
from insurance.products.queries import count_products, list_rate_tables
from insurance.web.home import HomeAct, SetupStep

SETUP = (
    SetupStep(
        "Make a product",
        "Its benefits, its rates, and the lapse rule that its launch asks for.",
        ProductsMay.EDIT,
        20,
        "products.create",
        lambda session: any(count_products(session).values()),
    ),
    SetupStep(
        "Upload its rates",
        "From the template that fits its benefits. Flat prices need none.",
        ProductsMay.EDIT,
        24,
        "products.rate_tables",
        lambda session: (
            bool(list_rate_tables(session, limit=1).items)
            or count_products(session)[ProductStatus.LAUNCHED] > 0
        ),
    ),
    SetupStep(
        "Launch it",
        "From then on it can be quoted.",
        ProductsMay.LAUNCH,
        30,
        "products.index",
        lambda session: count_products(session)[ProductStatus.LAUNCHED] > 0,
    ),
)
ACTS = (HomeAct("New product", ProductsMay.EDIT, 60, "products.create", "packages", "w"),)
