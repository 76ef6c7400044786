"""Screens of products, their parts, rate tables and categories."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("products", __name__, "/products")

from insurance.blueprints.products import (  # noqa: E402, F401
    benefits,
    categories,
    compare,
    create,
    delete,
    edit,
    inception_rules,
    index,
    launch,
    rate_tables,
    show,
    withdraw,
)
