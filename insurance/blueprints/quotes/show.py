"""A saved quote: its price, its options side by side, PDF, accept."""

from collections.abc import Sequence
from uuid import UUID

from flask import Response, make_response, request, url_for
from wtforms import BooleanField

from insurance.blueprints.policies.endorse import payer_choices
from insurance.blueprints.quotes import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.documents.pdf import render
from insurance.organizations.queries import get_organization
from insurance.policies.rules import LifeQuestion
from insurance.policies.services import (
    DuplicateRegistrationError,
    accept_quote,
    find_insured,
)
from insurance.products.queries import get_version, load_terms
from insurance.products.rules import OBJECT_FIELDS, OBJECT_KINDS
from insurance.quotes import queries, services
from insurance.quotes.letters import excess_of, write_quote
from insurance.quotes.models import Quote, QuoteStatus
from insurance.quotes.permissions import QuotesMay
from insurance.quotes.rules import SUPERSEDED, QuotedObject
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.correspondence import correspondence_of
from insurance.web.forms import ChoiceField, DayField, Form, TextField, reason_field
from insurance.web.html import go, page, refuse
from insurance.web.life_questions import answers_typed, questions_of
from insurance.web.record_activity import activity_of


class AcceptForm(Form):
    """From when, and who pays."""

    effective_date = DayField("Cover starts")
    confirms_duplicate = BooleanField("Insure a vehicle twice that another policy insures")
    asks_duplicate = False
    payer_q = TextField("Look for somebody else who pays", longest=100)
    payer_id = ChoiceField("Paid by")


class RepriceForm(Form):
    """For which start."""

    effective_date = DayField("Another first day of cover")


class DeclineForm(Form):
    """Why not."""

    reason = reason_field()


@bp.route("/<uuid:quote_id>")
@requires(QuotesMay.VIEW)
def show(quote_id: UUID) -> Response:
    """Show a quote with its breakdown and the options beside it."""
    return _quote_page(quote_id, AcceptForm(formdata=None))


@bp.route("/<uuid:quote_id>/accept", methods=["GET", "POST"])
@requires(QuotesMay.ACCEPT)
def accept(quote_id: UUID) -> Response:
    """Accept the quote and issue the policy."""
    form = AcceptForm()
    _offer_payers(quote_id, form)
    if request.form.get("act") == "find":
        return _quote_page(quote_id, form)
    if form.validate_on_submit():
        try:
            issued = accept_quote(
                quote_id,
                effective_date=form.effective_date.data,
                life_answers=answers_typed(),
                confirms_duplicate=form.confirms_duplicate.data,
                payer_id=UUID(form.payer_id.data) if form.payer_id.data else None,
                on=business_day(),
                now=clock.now(),
            )
        except DomainError as error:
            form.asks_duplicate = isinstance(error, DuplicateRegistrationError)
            refuse(form, error)
            return _quote_page(quote_id, form, status=error.status, questions=questions_of(error))
        return go(
            url_for("policies.show", policy_id=issued.policy.id),
            f"Policy {issued.policy.policy_number} was issued.",
        )
    return _quote_page(quote_id, form, status=form.status)


@bp.route("/<uuid:quote_id>/reprice", methods=["POST"])
@requires(QuotesMay.CREATE)
def reprice(quote_id: UUID) -> Response:
    """Price the quote again on the version sold today."""
    form = RepriceForm()
    if not form.validate_on_submit():
        return _quote_page(quote_id, AcceptForm(formdata=None), form, status=form.status)
    try:
        quote = services.reprice_quote(
            quote_id,
            version=None,
            effective_date=form.effective_date.data,
            on=business_day(),
            now=clock.now(),
        )
    except DomainError as error:
        refuse(form, error)
        return _quote_page(quote_id, AcceptForm(formdata=None), form, status=error.status)
    return go(
        url_for("quotes.show", quote_id=quote_id),
        f"Priced again; open until {quote.expires_on:%Y/%m/%d}.",
    )


@bp.route("/<uuid:quote_id>/decline", methods=["GET", "POST"])
@requires(QuotesMay.CREATE)
def decline(quote_id: UUID) -> Response:
    """Note that the customer does not want it."""
    quote, form = queries.get_quote_line(db.session(), quote_id).quote, DeclineForm()
    back = url_for("quotes.show", quote_id=quote_id)
    crumbs = [("Quotes", url_for("quotes.index")), (quote.quote_number, back)]
    return act_screen(
        Act("Declined by the customer", "Note as declined", back, crumbs, leave="Cancel"),
        form,
        lambda: services.decline_quote(quote_id, reason=form.reason.data or "", now=clock.now()),
        "Noted as declined.",
    )


@bp.route("/<uuid:quote_id>/mail", methods=["POST"])
@requires(QuotesMay.CREATE)
def mail(quote_id: UUID) -> Response:
    """Mail the quote to the customer as PDF."""
    address = services.mail_quote(quote_id, on=business_day(), now=clock.now())
    return go(url_for("quotes.show", quote_id=quote_id), f"The quote is on its way to {address}.")


@bp.route("/<uuid:quote_id>/pdf")
@requires(QuotesMay.VIEW)
def pdf(quote_id: UUID) -> Response:
    """Send the quote as PDF."""
    line = queries.get_quote_line(db.session(), quote_id)
    paper = write_quote(db.session(), quote_id, business_day(), "")
    response = make_response(render(paper.template, paper.values))
    response.headers["Content-Type"] = "application/pdf"
    response.headers["Content-Disposition"] = (
        f'attachment; filename="{line.quote.quote_number}.pdf"'
    )
    return response


def _insured_elsewhere(
    quote: Quote, objects: Sequence[QuotedObject]
) -> list[list[tuple[UUID, str]]]:
    """Return for each object of an open quote the policies that insure it already."""
    if quote.status is not QuoteStatus.QUOTED:
        return [[] for _one in objects]
    plates = [one.details.get("registration") or "" for one in objects]
    return [find_insured(db.session(), plate) for plate in plates]


def _must_be_repriced(quote: Quote) -> bool:
    """Tell whether a newer version of the product, by the tenant's setting, asks for its price."""
    if not get_organization(db.session()).replaced_quotes_are_repriced:
        return False
    return get_version(db.session(), quote.product_version_id).status.value == SUPERSEDED


def _offer_payers(quote_id: UUID, form: AcceptForm) -> None:
    """Fill the choices of who pays: the holder first, then who was looked for."""
    holder_id = queries.get_quote(db.session(), quote_id).customer_id
    form.payer_id.choices = payer_choices(holder_id, form.payer_q.data or "")
    if not form.payer_id.raw_data:
        form.payer_id.data = form.payer_id.choices[0][0]


def _quote_page(
    quote_id: UUID,
    form: AcceptForm,
    reprice_form: RepriceForm | None = None,
    *,
    status: int = 200,
    questions: Sequence[LifeQuestion] = (),
) -> Response:
    session, on = db.session(), business_day()
    line = queries.get_quote_line(session, quote_id)
    objects = queries.objects_of(line.quote)
    if not form.payer_id.choices:
        _offer_payers(quote_id, form)
    together = line.quote.comparison_id or line.quote.id
    options = list(queries.list_comparison(session, together))
    if all(option.quote.id != together for option in options) and options:
        options = [queries.get_quote_line(session, together), *options]
    return page(
        "quotes/show.html",
        part="accept_form" if request.method == "POST" else None,
        status=status,
        line=line,
        quote=line.quote,
        quote_status=queries.status_on(line.quote, on),
        form=form,
        questions=questions,
        answered=list(answers_typed().items()),
        terms=load_terms(session, line.quote.product_version_id),
        objects=objects,
        object_facts=OBJECT_FIELDS,
        object_kinds=OBJECT_KINDS,
        insured_elsewhere=_insured_elsewhere(line.quote, objects),
        asks_duplicate=form.asks_duplicate or form.confirms_duplicate.data,
        excess=excess_of,
        must_be_repriced=_must_be_repriced(line.quote),
        reprice_form=reprice_form or RepriceForm(formdata=None),
        stated_start=queries.stated_start(line.quote),
        options=options,
        correspondence=correspondence_of("quotes", quote_id),
        activity=activity_of("quotes", quote_id, "Quote"),
        on=on,
    )
