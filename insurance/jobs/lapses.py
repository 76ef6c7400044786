"""Telling holders of premiums that fall due or were not paid."""

from insurance.core import clock
from insurance.core.db import db
from insurance.debit_orders.queries import list_collecting
from insurance.jobs.periodic import Periodic
from insurance.lapses import services
from insurance.organizations.models import OrganizationKind
from insurance.organizations.queries import get_organization
from insurance.policies.queries import get_portfolio

LARGE_BOOK = 5_000
"""From how many policies on the arrears are listed by the job and not for each page."""


def send_due_notices() -> None:
    """Send what is due today in the organization in scope; a second run sends nothing."""
    organization = get_organization(db.session())
    if organization.kind is OrganizationKind.INSURER:
        services.send_due_notices(on=clock.today(organization.timezone))


def keep_arrears_list() -> None:
    """List the policies in arrears of a large book; a second run lists them anew."""
    session = db.session()
    if get_portfolio(session).policies < LARGE_BOOK:
        return
    on = clock.today(get_organization(session).timezone)
    collecting = list_collecting(session, on=on)
    session.rollback()
    services.keep_arrears_list(on=on, now=clock.now(), collecting=collecting)


PERIODIC = (
    Periodic(3600, send_due_notices),
    Periodic(900, keep_arrears_list),
)
