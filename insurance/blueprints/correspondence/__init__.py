"""Notes, documents, letters and messages of every record, on screen."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("correspondence", __name__, "/correspondence")
