"""The API's documentation: the OpenAPI document, and a page to read it in."""

from collections import defaultdict
from typing import Any

from flask import Blueprint, Response, json

from insurance.api.edge import ENDPOINTS
from insurance.api.openapi import document
from insurance.web.access import public
from insurance.web.html import page

bp = Blueprint("api_docs", __name__)


@bp.route("/api/v1/openapi.json")
@bp.route("/api/openapi.json")
@public
def openapi() -> Response:
    """Return the OpenAPI document."""
    return Response(json.dumps(document()), mimetype="application/json")


@bp.route("/api/docs")
@public
def show() -> Response:
    """Show the documentation."""
    described = document()
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for published in ENDPOINTS:
        path = next(
            path
            for path, operations in described["paths"].items()
            if operations.get(published.method.lower(), {}).get("operationId") == published.name
        )
        operation = described["paths"][path][published.method.lower()]
        groups[published.tag].append({"method": published.method, "path": path, **operation})
    return page("api/docs.html", groups=groups, schemas=described["components"]["schemas"])
