"""Nothing of a motor policy speaks of lives: pages, documents, letters, mails, claim, product."""

import io
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import select

from insurance.claims import queries as claims
from insurance.claims.services import Assessment, NewClaim, NewItem, assess_claim, submit_claim
from insurance.core import clock
from insurance.core.context import Actor, acting_as
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.notifications.models import Mail
from insurance.policies.models import EndorsementType
from insurance.policies.queries import get_policy, list_benefits
from insurance.policies.services.endorsements import EndorsementRequest, endorse_policy
from insurance.products.queries import list_benefits as product_benefits
from tests.factories.book import NOW, TODAY
from tests.factories.identity import SignedInClient, make_person
from tests.factories.lifecycle import pay
from tests.factories.objects import START, make_motor_product, sell, vehicle
from tests.factories.organizations import OrganizationFacts

LIFE_WORDS = re.compile(
    r"natural[ -]causes?|main member|\bestate\b|li(?:f|v)es? insured|life insured|\blives\b|\blife\b"
    r"|beneficiar|sum assured|deceased|\bdied\b|\bdeath\b|whose life|\bmembers?\b",
    re.IGNORECASE,
)
LINK = re.compile(r'(?:href|action)="(/[^"#]+)"')


@pytest.fixture
def motor(app: Flask, non_life_org: OrganizationFacts) -> dict[str, UUID]:
    """Return a motor policy whose vehicle was changed, with a claim that was paid in part."""
    with app.app_context():
        person = make_person(non_life_org.id, Role.TENANT_ADMINISTRATOR)
        actor = Actor(
            user_id=person.id,
            email=person.email,
            name="Assessor",
            roles=frozenset({Role.TENANT_ADMINISTRATOR}),
        )
        with tenant_scope(non_life_org.id), acting_as(actor):
            product_id = make_motor_product()
            policy_id = sell(product_id, vehicle(drivers=[{"name": "Palesa Dlamini"}]))
            pay(policy_id, "785.00", START)
            damage = next(
                one.benefit.id
                for one in list_benefits(db.session(), policy_id)
                if one.benefit.benefit_code == "DAMAGE"
            )
            item = NewItem(policy_benefit_id=damage, claimed_amount=Decimal(40_000))
            claim = submit_claim(
                policy_id, NewClaim(claim_type="PROPERTY_DAMAGE", items=[item]), on=TODAY, now=NOW
            )
            open_claim = submit_claim(
                policy_id, NewClaim(claim_type="THEFT", items=[item]), on=TODAY, now=NOW
            )
            [row] = claims.list_items(db.session(), claim.id)
            part = Assessment(
                item_id=row.id, approved_amount=Decimal(30_000), reason="PART_OF_LOSS"
            )
            assess_claim(
                claim.id, [part], documents_waived=True, waiver_reason="Seen", on=TODAY, now=NOW
            )
            wanted = EndorsementRequest(
                type=EndorsementType.CHANGE_VEHICLE,
                data={"insured_object": vehicle(registration="XYZ 789 GP", value=200_000)},
                effective_date=TODAY,
            )
            endorse_policy(policy_id, wanted, on=TODAY, now=NOW)
            policy = get_policy(db.session(), policy_id)
            benefit = product_benefits(db.session(), policy.product_version_id)[0]
            return {
                "policy": policy_id,
                "quote": policy.quote_id or policy_id,
                "product": product_id,
                "benefit": benefit.id,
                "claim": claim.id,
                "open": open_claim.id,
            }


def _said(page: str) -> list[str]:
    """Return the life words that a page shows: its text without the markup."""
    body = page[page.find("<main") :] if "<main" in page else page
    shown = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", body, flags=re.DOTALL)
    return LIFE_WORDS.findall(re.sub(r"<[^>]+>", " ", shown))


def test_no_page_document_letter_or_mail_of_a_motor_policy_speaks_of_lives(
    app: Flask,
    non_life_org: OrganizationFacts,
    sign_in: Callable[..., SignedInClient],
    motor: dict[str, UUID],
) -> None:
    start = f"/{non_life_org.slug}"
    policy, quote = f"{start}/policies/{motor['policy']}", f"{start}/quotes/{motor['quote']}"
    claim, product = f"{start}/claims/{motor['claim']}", f"{start}/products/{motor['product']}"
    begin = [
        policy,
        *(f"{policy}?tab={tab}" for tab in ("premiums", "claims", "endorsements", "history")),
        quote,
        f"{start}/quotes/new?product_id={motor['product']}",
        f"{start}/quotes/new?beside={motor['quote']}",
        claim,
        f"{start}/claims/{motor['open']}",
        f"{start}/claims/new/{motor['policy']}",
        f"{start}/claims",
        product,
        f"{product}/benefits/new",
        f"{product}/edit",
        f"{policy}/versions/1/2",
    ]
    own = tuple(str(one) for one in motor.values())
    seen: dict[str, Any] = {}
    with clock.frozen(NOW):
        client = sign_in(organization=non_life_org)
        waiting = list(begin)
        while waiting:
            address = waiting.pop()
            if address in seen or "/sign-out" in address:
                continue
            answer = client.get(address)
            seen[address] = answer
            if answer.status_code == 200 and answer.mimetype == "text/html":
                found = [one.replace("&amp;", "&") for one in LINK.findall(answer.text)]
                waiting += [one for one in found if any(each in one for each in own)]

    pages = {at: one for at, one in seen.items() if one.mimetype == "text/html"}
    papers = {at: one for at, one in seen.items() if one.mimetype == "application/pdf"}
    said = {at: words for at, one in pages.items() if (words := _said(one.text))}
    for at, one in papers.items():
        text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(one.data)).pages)
        if words := LIFE_WORDS.findall(text):
            said[at] = words
    with app.app_context(), tenant_scope(non_life_org.id):
        for mail in db.session.scalars(select(Mail)):
            if words := LIFE_WORDS.findall(f"{mail.subject} {mail.body}"):
                said[f"mail {mail.subject}"] = words

    assert "\n".join(f"{at}: {sorted(set(words))}" for at, words in said.items()) == ""
    assert {one.status_code for at, one in seen.items() if at in begin} == {200}
    assert len(pages) > 25
    assert len(papers) >= 3
