"""What is done in organizations, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "organizations.change_settings": "Settings changed",
    "organizations.create": "Organization made",
    "organizations.edit": "Organization changed",
    "keys.rotate": "Encrypted anew",
    "list_views.save": "View of a list saved",
    "list_views.delete": "View of a list deleted",
}
