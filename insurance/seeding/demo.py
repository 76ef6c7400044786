"""Two insurers with people, products, customers and policies, made through the real commands.

Every write goes the way a clerk's would: same checks, same audit rows, same ledger. The generator
is seeded, so the same names and amounts come out each time.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from flask import Flask

from insurance.alerts.services import read_all
from insurance.core import clock
from insurance.core.context import Actor, Channel, acting_as
from insurance.core.db import db, transaction
from insurance.core.listing import Wanted
from insurance.core.period import add_months
from insurance.core.permissions import Role
from insurance.core.tenancy import PLATFORM_ORG_ID, platform_scope, tenant_scope
from insurance.identity.queries import list_members
from insurance.identity.services import add_user
from insurance.month_end.rules import last_month_end
from insurance.organizations.queries import find_entry
from insurance.organizations.services import NewOrganization, create_organization
from insurance.policies.models import PolicyStatus
from insurance.policies.portfolio_days import keep_portfolio_day
from insurance.policies.queries import list_policy_rows
from insurance.seeding.access import (
    seed_delegation,
    seed_keys,
    seed_refusal,
    seed_request,
    seed_warnings,
)
from insurance.seeding.claims import seed_assignment, seed_claims
from insurance.seeding.collections import (
    seed_answers,
    seed_lapses,
    seed_notices,
    seed_preview,
    seed_release,
    seed_run,
)
from insurance.seeding.correspondence import seed_correspondence
from insurance.seeding.customers import Customers, Wants, first_day, general_input, life_input
from insurance.seeding.moments import office_hour
from insurance.seeding.month_end import (
    coming_month_end,
    month_end_before,
    seed_application,
    seed_approval,
    seed_escalation,
    seed_index_value,
    seed_plan,
)
from insurance.seeding.parties import seed_holders
from insurance.seeding.products import seed_life_products, seed_non_life_products
from insurance.seeding.senders import seed_senders
from insurance.seeding.servicing import (
    seed_happenings,
    seed_lapse_rules,
    seed_payments,
)

PASSWORD = "demo-password"
STAFF = {
    "admin": (Role.TENANT_ADMINISTRATOR, "Nomsa Khumalo"),
    "manager": (Role.MANAGER, "Johan Steyn"),
    "agent": (Role.AGENT, "Lerato Molefe"),
    "underwriter": (Role.UNDERWRITER, "Priya Naidoo"),
    "assessor": (Role.CLAIMS_ASSESSOR, "Sipho Dlamini"),
    "finance": (Role.FINANCE, "Fatima Davids"),
    "auditor": (Role.AUDITOR, "Pieter Botha"),
}
MONTHS = 24
_NOTICED_MONTHS = 2
"""At the ends of so many months before the last one, holders are told that they did not pay."""


def is_seeded(app: Flask) -> bool:
    """Tell whether the demonstration was begun here; whether it was finished, its caller knows."""
    with app.app_context(), platform_scope():
        return find_entry(db.session(), "ubuntu-life") is not None


def seed_demo(app: Flask, say: Callable[[str], None] = lambda _words: None) -> bool:
    """Fill an empty platform; returns False and does nothing where the demo is there already.

    `say` is told before each part what is made next, and which part of how many that is.
    """
    if is_seeded(app):
        return False
    with app.app_context():
        _platform_people()
        today = clock.today("Africa/Johannesburg")
        insurers = (
            _Insurer("ubuntu-life", "Ubuntu Life", "LIFE", seed_life_products, life_input),
            _Insurer(
                "karoo-general",
                "Karoo General",
                "NON_LIFE",
                seed_non_life_products,
                general_input,
            ),
        )
        parts = [(insurer, name, make) for insurer in insurers for name, make in _PARTS]
        for place, (insurer, name, make) in enumerate(parts, start=1):
            say(f"{place} of {len(parts)}: {insurer.name}, {name}")
            make(insurer, today)
    return True


@dataclass
class _Insurer:
    """An insurer of the demonstration: how it is made, and what is made of it by now."""

    slug: str
    name: str
    licence: str
    products: Callable[[datetime], dict[str, UUID]]
    wanted: Wants
    org_id: UUID = PLATFORM_ORG_ID
    offered: dict[str, UUID] = field(default_factory=dict)

    def acts(self, login: str) -> AbstractContextManager[None]:
        """Let one of the staff act."""
        return _as(self.slug, login, self.org_id)

    def id_of(self, login: str) -> UUID:
        """Return one of the staff."""
        return _member_id(self.slug, login)


def _platform_people() -> None:
    with tenant_scope(PLATFORM_ORG_ID), transaction() as session:
        add_user(
            session,
            email="platform@insurance.example",
            name="Platform Administrator",
            password=PASSWORD,
            roles=frozenset({Role.PLATFORM_ADMINISTRATOR}),
            now=clock.now(),
        )


def _open(insurer: _Insurer, today: date) -> None:
    day = add_months(today.replace(day=1), -MONTHS - 1)
    opened = office_hour(day, 7)
    with clock.frozen(opened):
        new = NewOrganization(name=insurer.name, slug=insurer.slug, licence_type=insurer.licence)
        insurer.org_id = create_organization(new, now=opened)
    with tenant_scope(insurer.org_id):
        _people(insurer.slug, opened)
        with insurer.acts("underwriter"), clock.frozen(opened):
            insurer.offered = insurer.products(opened)
        with insurer.acts("admin"), clock.frozen(opened):
            seed_lapse_rules(insurer.offered, opened)
            seed_senders(insurer.slug, insurer.name, opened)
        with insurer.acts("manager"):
            seed_escalation(insurer.offered, day)


def _trade(insurer: _Insurer, today: date) -> None:
    """Let each month of two years bring customers, premiums and its end; banks answer the last."""
    customers = Customers(insurer.slug, insurer.wanted, insurer.offered, today)
    last, first = month_end_before(today), first_day(today)
    for back in range(MONTHS, 0, -1):
        end = last_month_end(add_months(last.replace(day=1), 1 - back))
        _let_come(insurer, customers, end)
        with tenant_scope(insurer.org_id), insurer.acts("finance"):
            seed_payments(first, end)
            if back <= _NOTICED_MONTHS:
                seed_notices(end)
        _end_month(insurer, end)
        first = end
    _let_come(insurer, customers, last)
    _collect(insurer, first, last)
    _end_month(insurer, last)
    _let_come(insurer, customers, today)
    if insurer.licence == "LIFE":
        with tenant_scope(insurer.org_id), insurer.acts("agent"):
            seed_holders(insurer.offered, today)


def _let_come(insurer: _Insurer, customers: Customers, until: date) -> None:
    with tenant_scope(insurer.org_id), insurer.acts("agent"):
        customers.come(until)


def _collect(insurer: _Insurer, first: date, last: date) -> None:
    """Let the premiums of a last month be paid and missed, and be debited as it nears its end."""
    with tenant_scope(insurer.org_id):
        with insurer.acts("finance"):
            until = last - timedelta(days=15)
            seed_payments(first, until)
            seed_notices(until)
            run = seed_run(last - timedelta(days=8), until)
        with insurer.acts("admin"):
            seed_release(run.id, last - timedelta(days=7))
        with insurer.acts("finance"):
            seed_answers(run, last - timedelta(days=2))


def _end_month(insurer: _Insurer, end: date) -> None:
    with tenant_scope(insurer.org_id):
        with insurer.acts("manager"):
            seed_index_value(end)
        with insurer.acts("finance"):
            run_id = seed_plan(end, end)
        with insurer.acts("manager"):
            seed_approval(run_id, end)
        with insurer.acts("finance"):
            seed_application(run_id, end)
        for login in ("finance", "manager"):
            with insurer.acts(login):
                read_all(now=clock.now())


def _go_on(insurer: _Insurer, today: date) -> None:
    """Let this month go as far as today, and leave something of everything to people."""
    with tenant_scope(insurer.org_id):
        with insurer.acts("finance"):
            seed_payments(month_end_before(today), today)
        with insurer.acts("agent"):
            request_id = seed_request(_a_policy(), today)
        with insurer.acts("manager"):
            seed_refusal(request_id, today)
            seed_happenings(insurer.slug, today)
            seed_lapses(today)
            seed_delegation(insurer.id_of("underwriter"), today)
        with insurer.acts("admin"):
            seed_keys(today)
        seed_warnings()
        with insurer.acts("finance"):
            seed_plan(coming_month_end(today), today)
            seed_run(today, today - timedelta(days=5))
            seed_preview(today)


def _claim(insurer: _Insurer, today: date) -> None:
    with tenant_scope(insurer.org_id):
        seed_claims(insurer.slug, today)
        with insurer.acts("agent"):
            seed_correspondence(today)
        with insurer.acts("manager"):
            seed_assignment(insurer.id_of("assessor"), today)
        keep_portfolio_day(on=today, now=clock.now())


_PARTS: tuple[tuple[str, Callable[[_Insurer, date], None]], ...] = (
    ("people, products, rates and rules", _open),
    ("two years of customers, policies, premiums and month-ends", _trade),
    ("changes, lapses, keys and what waits for people", _go_on),
    ("claims, from notified to paid", _claim),
)


def _people(slug: str, now: datetime) -> None:
    with clock.frozen(now), transaction() as session:
        for login, (role, name) in STAFF.items():
            add_user(
                session,
                email=f"{login}@{slug}.example",
                name=name,
                password=PASSWORD,
                roles=frozenset({role}),
                now=now,
            )


@contextmanager
def _as(slug: str, login: str, org_id: UUID) -> Iterator[None]:
    """Let one of the staff act."""
    role, name = STAFF[login]
    email = f"{login}@{slug}.example"
    actor = Actor(
        user_id=_member_id(slug, login),
        email=email,
        name=name,
        org_id=org_id,
        roles=frozenset({role}),
        channel=Channel.CLI,
    )
    db.session().rollback()
    with acting_as(actor):
        yield


def _member_id(slug: str, login: str) -> UUID:
    email = f"{login}@{slug}.example"
    members = list_members(db.session())
    return next(member.user.id for member in members if member.user.email == email)


def _a_policy() -> UUID:
    """Return a policy in force that nothing else happens to."""
    session = db.session()
    wanted = Wanted({"status": PolicyStatus.ACTIVE}, limit=55)
    found = list_policy_rows(session, wanted).items[-1].id
    session.rollback()
    return found
