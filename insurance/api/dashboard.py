"""The tenant's figures in the API."""

from insurance.api.edge import Answer, endpoint
from insurance.core.counts import get_counts
from insurance.core.db import db
from insurance.organizations.permissions import DashboardMay
from insurance.policies.queries import get_portfolio
from insurance.products.models import ProductStatus
from insurance.products.queries import count_products
from insurance.web.parsing import Money


class DashboardAnswer(Answer):
    """How much of everything there is."""

    products: int
    active_products: int
    customers: int
    quotes: int
    policies: int
    active_policies: int
    total_monthly_premium: Money
    total_cover: Money


@endpoint("GET", "/dashboard", may=DashboardMay.VIEW, answer=DashboardAnswer, tag="Dashboard")
def get_dashboard():
    """Return the organization's figures."""
    session = db.session()
    products = count_products(session)
    counts = get_counts(session, ("customers", "quotes"))
    portfolio = get_portfolio(session)
    return {
        "products": sum(products.values()),
        "active_products": products.get(ProductStatus.LAUNCHED, 0),
        "customers": counts["customers"],
        "quotes": counts["quotes"],
        "policies": portfolio.policies,
        "active_policies": portfolio.active_policies,
        "total_monthly_premium": portfolio.monthly_premium,
        "total_cover": portfolio.cover,
    }
