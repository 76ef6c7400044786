"""What an ID number says while it is typed."""

from flask import Response, request

from insurance.blueprints.customers import bp
from insurance.core.db import db
from insurance.core.errors import DomainError, TooManyError
from insurance.customers import queries, rules
from insurance.customers.number_search import find_by_number
from insurance.customers.permissions import CustomersMay
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.html import page


@bp.route("/identity")
@requires(CustomersMay.EDIT)
def identity() -> Response:
    """Say what the ID number being typed means, and who has it already."""
    typed = request.args.get("id_number", "")
    facts, existing, problem, status = None, None, None, 200
    if typed.strip():
        try:
            facts = rules.read_id_number(typed, on=business_day())
            found = find_by_number(facts.id_number)
            existing = queries.get_customer(db.session(), found) if found else None
        except DomainError as error:
            problem = error.message
            status = error.status if isinstance(error, TooManyError) else 200
    return page(
        "customers/identity.html",
        part="identity",
        status=status,
        facts=None if problem else facts,
        existing=existing,
        problem=problem,
    )
