"""Organizations, their settings, people, keys and mail on screen."""

from insurance.identity.permissions import PeopleMay, TokensMay
from insurance.notifications.permissions import MailMay
from insurance.organizations.permissions import OrganizationsMay, SettingsMay
from insurance.web.navigation import RailEntry

RAIL = (
    RailEntry(
        "Organizations",
        "organizations.index",
        OrganizationsMay.VIEW,
        "building",
        group="Control",
        place=10,
        key="o",
    ),
    RailEntry("People", "people.index", PeopleMay.VIEW, "user", group="Control", place=40, key="u"),
    RailEntry("API keys", "api_keys.index", TokensMay.VIEW, "key", group="Control", place=50),
    RailEntry("Mail", "mail.index", MailMay.VIEW, "mail", group="Control", place=60),
    RailEntry(
        "Settings",
        "settings.edit",
        SettingsMay.VIEW,
        "settings",
        group="Control",
        place=70,
        key="s",
    ),
)
