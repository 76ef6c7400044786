"""One list for every list of the product: an area describes it, `show` does the rest.

The address says everything: `status` or another tab, the fields' own names, `sort=-premium`,
`columns=a,b`, `rows`, `density`, `cursor`, `peek=<id>` and the name of a saved `view`.
"""

from insurance.web.lists.asked import Asked
from insurance.web.lists.columns import Cell, Column, columns
from insurance.web.lists.narrowing import (
    Choices,
    Field,
    Tab,
    period,
    policy_field,
    product_field,
    search,
    tabs_of,
)
from insurance.web.lists.screen import (
    BulkAct,
    Button,
    Empty,
    ListScreen,
    new,
    new_beside,
    paged,
    whole,
)
from insurance.web.lists.show import show

__all__ = [
    "BulkAct",
    "Asked",
    "Button",
    "Cell",
    "Choices",
    "Column",
    "Empty",
    "Field",
    "ListScreen",
    "Tab",
    "columns",
    "new",
    "new_beside",
    "paged",
    "period",
    "policy_field",
    "product_field",
    "search",
    "show",
    "tabs_of",
    "whole",
]
