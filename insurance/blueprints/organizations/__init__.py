"""Organizations, their settings, people, keys and mail on screen."""

from insurance.core.permissions import May
from insurance.web.navigation import RailEntry

RAIL = (
    RailEntry(
        "Organizations",
        "organizations.index",
        May.ORGANIZATIONS_VIEW,
        "building",
        group="Control",
        place=10,
        key="o",
    ),
    RailEntry(
        "People", "people.index", May.PEOPLE_VIEW, "user", group="Control", place=40, key="u"
    ),
    RailEntry("API keys", "api_keys.index", May.TOKENS_VIEW, "key", group="Control", place=50),
    RailEntry("Mail", "mail.index", May.MAIL_VIEW, "mail", group="Control", place=60),
    RailEntry(
        "Settings",
        "settings.edit",
        May.SETTINGS_VIEW,
        "settings",
        group="Control",
        place=70,
        key="s",
    ),
)
