"""The list of products, by status and class."""

from flask import Response, request

from insurance.blueprints.products import bp
from insurance.core.db import db
from insurance.products import queries
from insurance.products.models import ProductStatus
from insurance.products.permissions import ProductsMay
from insurance.web.access import requires
from insurance.web.forms import clean_text
from insurance.web.html import next_url, page


@bp.get("")
@requires(ProductsMay.VIEW)
def index() -> Response:
    """Show products by name, filtered by what the address says."""
    session = db.session()
    status = request.args.get("status", "")
    class_code = request.args.get("class_code", "")[:60]
    search = clean_text(request.args.get("q", ""))[:200].replace("\x00", "")
    found = queries.list_products(
        session,
        status=ProductStatus(status) if status in list(ProductStatus) else None,
        class_code=class_code or None,
        search=search,
        cursor=request.args.get("cursor"),
        limit=50,
    )
    return page(
        "products/index.html",
        part="products",
        found=found,
        next_url=next_url(found),
        counts=queries.count_products(session),
        classes=[class_ for class_ in queries.list_classes(session) if class_.is_licensed],
        chosen={"status": status, "class_code": class_code, "q": search},
    )
