"""Endpoints of products, their parts, rate tables and categories."""

from insurance.api.products import (  # noqa: F401
    benefits,
    categories,
    inception_rules,
    products,
    rate_tables,
)
