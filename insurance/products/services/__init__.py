"""Commands on products, their versions, benefits, inception rules, rate tables and categories."""

from insurance.products.services.benefits import add_benefit, delete_benefit, edit_benefit
from insurance.products.services.categories import create_category
from insurance.products.services.facts import (
    EditMode,
    NewBenefit,
    NewCategory,
    NewInceptionRule,
    NewProduct,
    NewRate,
    NewRateTable,
    NewRelativity,
    Terms,
)
from insurance.products.services.inception import (
    add_inception_rule,
    delete_inception_rule,
    edit_inception_rule,
)
from insurance.products.services.launching import (
    LAUNCH,
    find_waiting_launch,
    launch_product,
)
from insurance.products.services.lifecycle import (
    delete_product,
    discard_draft,
    withdraw_product,
)
from insurance.products.services.products import create_product, edit_product
from insurance.products.services.rate_sheets import find_age_gaps, read_rates, read_relativities
from insurance.products.services.rate_tables import (
    add_rate_table,
    create_rate_table,
    preview_rate_table,
)

__all__ = [
    "LAUNCH",
    "EditMode",
    "NewBenefit",
    "NewCategory",
    "NewInceptionRule",
    "NewProduct",
    "NewRate",
    "NewRateTable",
    "NewRelativity",
    "Terms",
    "add_benefit",
    "add_inception_rule",
    "add_rate_table",
    "create_category",
    "create_product",
    "create_rate_table",
    "delete_benefit",
    "delete_inception_rule",
    "delete_product",
    "discard_draft",
    "edit_benefit",
    "edit_inception_rule",
    "edit_product",
    "find_waiting_launch",
    "launch_product",
    "preview_rate_table",
    "find_age_gaps",
    "read_rates",
    "read_relativities",
    "withdraw_product",
]
