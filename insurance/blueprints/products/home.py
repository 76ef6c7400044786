"""The first product of a new organization."""

from insurance.products.models import ProductStatus
from insurance.products.permissions import ProductsMay
from insurance.products.queries import count_products
from insurance.web.home import SetupStep

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
        "Launch it",
        "From then on it can be quoted.",
        ProductsMay.LAUNCH,
        30,
        "products.index",
        lambda session: count_products(session)[ProductStatus.LAUNCHED] > 0,
    ),
)
