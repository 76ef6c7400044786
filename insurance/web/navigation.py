"""The left rail: what there is, who may see it, and the key that leads there."""

from dataclasses import dataclass
from functools import lru_cache

from flask import current_app, g, request, url_for

from insurance.core.context import current_actor
from insurance.core.permissions import May


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the rail. `key` follows g: g p leads to Policies."""

    name: str
    endpoint: str
    permission: May
    icon: str
    key: str = ""
    platform: bool = False

    @property
    def url(self) -> str:
        """Return the address in the current organization."""
        return _address(self.endpoint, g.get("org_slug"), request.script_root)

    @property
    def blueprint(self) -> str:
        """Return the screens that the entry belongs to."""
        return self.endpoint.split(".")[0]

    @property
    def is_current(self) -> bool:
        """Tell whether the request is for this entry or something under it."""
        blueprint = self.blueprint
        if blueprint in ("people", "settings"):
            return request.endpoint == self.endpoint
        if blueprint != request.blueprint:
            return False
        nearest = max(
            (item for _, items in RAIL for item in items if item.blueprint == blueprint),
            key=lambda item: request.path.startswith(item.url) * len(item.url),
        )
        return nearest.endpoint == self.endpoint


@lru_cache(8192)
def _address(endpoint: str, _slug: str | None, _root: str) -> str:
    """Return where an entry leads: to the same place for all of an organization, for good."""
    return url_for(endpoint)


RAIL: tuple[tuple[str, tuple[Item, ...]], ...] = (
    ("", (Item("Home", "dashboard.show", May.DASHBOARD_VIEW, "home", "h"),)),
    (
        "Serve",
        (
            Item("Customers", "customers.index", May.CUSTOMERS_VIEW, "users", "c"),
            Item("Quotes", "quotes.index", May.QUOTES_VIEW, "calculator", "q"),
            Item("Policies", "policies.index", May.POLICIES_VIEW, "file-text", "p"),
            Item("Claims", "claims.index", May.CLAIMS_VIEW, "clipboard-list", "l"),
        ),
    ),
    (
        "Money",
        (
            Item("Arrears and lapses", "lapses.index", May.LAPSES_VIEW, "clock"),
            Item("Debit orders", "debit_orders.index", May.DEBIT_ORDERS_VIEW, "calendar"),
            Item("Reconciliation", "reconciliation.index", May.RECONCILIATION_VIEW, "upload"),
            Item("Suspense", "reconciliation.suspense", May.RECONCILIATION_VIEW, "coins"),
            Item("Month-end", "month_end.index", May.MONTH_END_VIEW, "calendar", "m"),
            Item("Ledger", "ledger.trial_balance", May.LEDGER_VIEW, "book"),
        ),
    ),
    (
        "Know",
        (
            Item("Claims reports", "claims.reports", May.CLAIMS_REPORTS, "receipt"),
            Item("Loss ratio", "claims.loss_ratio", May.CLAIMS_REPORTS, "chart-bar"),
        ),
    ),
    (
        "Build",
        (
            Item("Products", "products.index", May.PRODUCTS_VIEW, "packages", "b"),
            Item("Rate tables", "products.rate_tables", May.PRODUCTS_VIEW, "table"),
            Item("Lapse rules", "lapses.rules", May.LAPSES_VIEW, "list-details"),
        ),
    ),
    (
        "Control",
        (
            Item("Organizations", "organizations.index", May.ORGANIZATIONS_VIEW, "building", "o"),
            Item("Approvals", "approvals.index", May.APPROVALS_VIEW, "check"),
            Item("Audit log", "audit_logs.index", May.AUDIT_VIEW, "history", "a"),
            Item("People", "people.index", May.PEOPLE_VIEW, "user", "u"),
            Item("API keys", "api_keys.index", May.TOKENS_VIEW, "key"),
            Item("Mail", "mail.index", May.MAIL_VIEW, "mail"),
            Item("Settings", "settings.edit", May.SETTINGS_VIEW, "settings", "s"),
        ),
    ),
)


def rail() -> list[tuple[str, list[Item]]]:
    """Return the groups and entries that the person may see."""
    may = current_actor().may
    known = current_app.view_functions
    groups = [
        (name, [item for item in items if may(item.permission) and item.endpoint in known])
        for name, items in RAIL
    ]
    return [(name, items) for name, items in groups if items]
