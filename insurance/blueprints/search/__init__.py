"""One box that finds records and pages and does what one says to a record."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("search", __name__, "/search")
