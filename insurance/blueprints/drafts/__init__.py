"""A person's own drafts: forms that were begun and not saved yet."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("drafts", __name__, "/drafts")
