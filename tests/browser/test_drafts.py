"""Whatever somebody types into a long form is there when they come back, however they left."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import text

from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.customers.queries import get_customer
from insurance.customers.services import read_number
from tests.browser.axe import faults_of_looks
from tests.factories.book import make_book, make_customer, make_product
from tests.factories.identity import PASSWORD, make_person, with_password
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser


def _type(page: Page, path: str) -> None:
    page.goto(path)
    page.fill("#first_name", "Nomvula")
    page.fill("#last_name", "Radebe")


def _is_there(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("#first_name")).to_have_value("Nomvula")
    expect(page.locator("#last_name")).to_have_value("Radebe")
    expect(page.locator("form [data-draft]")).to_contain_text("Draft of")


def test_a_page_that_is_killed_while_somebody_types_loses_no_word(
    signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    page = signed_in()
    path = f"/{org.slug}/quotes/new"
    page.goto(path)
    page.fill("#id_number", "8001015009087")
    page.fill("#last_name", "Radebe")
    page.fill("#first_name", "Nomvula")
    expect(page.locator("form [data-draft]")).to_contain_text("Draft saved")

    context = page.context
    page.close(run_before_unload=False)
    again = context.new_page()

    _is_there(again, path)
    expect(again.locator("#id_number")).to_have_value("8001015009087")


def test_a_form_that_is_sent_while_its_draft_is_being_answered_raises_nothing(
    signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    page = signed_in()
    page.add_init_script("""
      const real = window.fetch;
      window.fetch = async (path, asked) => {
        if (!String(path).includes('/drafts/')) return real(path, asked);
        const broken = (words) => () => words.error(asked.signal.reason);
        document.documentElement.lang = 'af';
        return new Response(new ReadableStream({
          start: (words) => asked.signal.addEventListener('abort', broken(words)),
        }));
      };
    """)
    _type(page, f"/{org.slug}/customers/new")
    expect(page.locator("html[lang=af]")).to_be_attached()
    page.get_by_role("button", name="Save customer").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Nomvula Radebe")
    page.wait_for_timeout(100)  # What nobody caught is raised after its turn.


@pytest.mark.parametrize("way", ["rail", "back", "palette", "theme", "tab closed", "other form"])
def test_somebody_who_leaves_at_once_finds_every_word_again(
    way: str, signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    page = signed_in()
    path = f"/{org.slug}/customers/new"
    page.goto(f"/{org.slug}/")
    _type(page, path)

    if way == "rail":
        page.locator("#rail").get_by_role("link", name="Quotes").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Quotes")
    elif way == "back":
        page.go_back()
        expect(page.get_by_role("heading", level=1)).not_to_have_text("New customer")
    elif way == "palette":
        page.keyboard.press("Control+k")
        page.fill("#palette-q", "Products")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Products")
    elif way == "theme":
        page.get_by_role("button", name="Switch between light and dark").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    elif way == "tab closed":
        context = page.context
        page.close()
        page = context.new_page()
    else:
        page.goto(f"/{org.slug}/quotes/new")

    _is_there(page, path)


def test_a_refused_form_is_still_there_after_the_page_is_left(
    signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    page = signed_in()
    path = f"/{org.slug}/customers/new"
    _type(page, path)
    page.fill("#id_number", "12")
    page.get_by_role("button", name="Save customer").click()
    expect(page.locator(".problems")).to_be_visible()

    _is_there(page, path)
    page.fill("#id_number", "8001015009087")
    page.get_by_role("button", name="Save customer").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Radebe")
    page.goto(path)
    expect(page.locator("#last_name")).to_have_value("")
    expect(page.locator("form [data-draft]")).to_have_text("")


def test_start_afresh_empties_the_form(
    signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    for javascript in (True, False):
        typing = signed_in()
        path = f"/{org.slug}/customers/new"
        _type(typing, path)
        expect(typing.locator("form [data-draft]")).to_contain_text("Draft saved")
        page = typing
        if not javascript:
            page = signed_in(javascript=False)
            page.context.add_cookies(typing.context.cookies())
        _is_there(page, path)
        page.get_by_role("button", name="Start afresh").click()

        expect(page.locator("#last_name")).to_have_value("")
        expect(page.get_by_text("Draft of")).to_have_count(0)


def test_a_drawer_keeps_what_was_typed_when_it_is_closed(
    app: Flask, signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(org.id):
        book = make_book()
    page = signed_in()
    page.goto(f"/{org.slug}/policies/{book.policy_id}")
    page.keyboard.press("p")
    page.fill("#drawer #payment_reference", "EFT-77")
    page.keyboard.press("Escape")
    expect(page.locator("#drawer #payment_reference")).to_have_count(0)
    page.wait_for_load_state("networkidle")  # What was typed is on its way to the server.
    page.keyboard.press("p")

    expect(page.locator("#drawer #payment_reference")).to_have_value("EFT-77")
    expect(page.locator("#drawer [data-draft]")).to_contain_text("Draft of")
    page.goto(f"/{org.slug}/")
    expect(page.get_by_role("heading", name="My drafts")).to_be_visible()
    expect(page.get_by_role("link", name="Record a payment")).to_be_visible()


def test_two_people_in_one_record_hear_of_each_other(
    app: Flask, signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(org.id):
        customer_id = make_customer()
    path = f"/{org.slug}/customers/{customer_id}/edit"
    first, second = signed_in(), signed_in(Role.MANAGER)
    first.goto(path)
    first.fill("#line1", "1 Market Street")
    first.fill("#city", "Polokwane")
    expect(first.locator("form [data-draft]")).to_contain_text("Draft saved")

    second.goto(path)
    expect(second.locator("main")).to_contain_text("Thandi Mokoena is changing this record since")
    second.fill("#line1", "9 Beach Road")
    second.fill("#city", "Durban")
    second.fill("#phone", "0831112222")
    second.get_by_role("button", name="Save changes").click()
    expect(second.get_by_role("heading", level=1)).not_to_contain_text("Edit")

    first.get_by_role("button", name="Save changes").click()
    both = first.get_by_role("region", name="Both values")
    expect(both).to_contain_text("Durban")
    expect(both).to_contain_text("Polokwane")
    assert faults_of_looks(first) == []
    first.get_by_label("Take this: Telephone").check()
    first.get_by_role("button", name="Save changes").click()
    expect(first.get_by_role("heading", level=1)).not_to_contain_text("Edit")
    first.goto(path)
    expect(first.locator("#city")).to_have_value("Polokwane")
    expect(first.locator("#phone")).to_have_value("+27831112222")


def test_words_typed_before_a_session_ended_are_there_after_signing_in(
    app: Flask, signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    with app.app_context():
        person = with_password(make_person(org.id, Role.AGENT))
    page = signed_in()
    page.context.clear_cookies()
    path = f"/{org.slug}/customers/new"

    def sign_in() -> None:
        page.goto(path)
        page.fill("#email", person.email)
        page.fill("#password", PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("New customer")

    sign_in()
    page.fill("#first_name", "Nomvula")
    page.fill("#last_name", "Radebe")
    expect(page.locator("form [data-draft]")).to_contain_text("Draft saved")
    with app.app_context(), platform_scope():
        db.session.execute(text("DELETE FROM cp.sessions"))
        db.session.commit()
    page.fill("#city", "Durban")
    expect(page.locator("form [data-draft]")).to_contain_text("you may have to sign in again")
    page.on("dialog", lambda dialog: dialog.accept())

    sign_in()
    _is_there(page, path)


def test_without_javascript_a_refused_form_is_a_draft_too(
    signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    page = signed_in(javascript=False)
    path = f"/{org.slug}/customers/new"
    _type(page, path)
    page.fill("#id_number", "12")
    page.get_by_role("button", name="Save customer").click()
    expect(page.locator(".problems")).to_be_visible()

    _is_there(page, path)


def test_drafts_look_right_in_every_width_and_colour(
    signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    page = signed_in()
    _type(page, f"/{org.slug}/customers/new")
    expect(page.locator("form [data-draft]")).to_contain_text("Draft saved")

    for path in ("customers/new", "drafts", ""):
        page.goto(f"/{org.slug}/{path}")
        assert faults_of_looks(page) == []
    page.goto(f"/{org.slug}/drafts")
    page.locator("tbody .tick input").check()
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("main")).to_contain_text("What was typed in 1")
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("main")).to_contain_text("1 of 1 done")
    page.goto(f"/{org.slug}/drafts")
    expect(page.locator("main")).to_contain_text("You have no drafts")


def test_a_customer_who_is_here_already_is_quoted_with_the_product_cover_and_term_as_typed(
    app: Flask, signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(org.id):
        known = make_book().customer_id
        other_product = make_product(name="Other Life")
        number = read_number(get_customer(db.session(), known))
    page = signed_in(Role.AGENT)
    page.goto(f"/{org.slug}/quotes/new")
    with page.expect_response(
        lambda answer: (answer.request.post_data_json or {}).get("act") == "shape"
    ):
        page.select_option("#product_id", str(other_product))
    page.fill("#sum_assured", "123 456")
    page.fill("#term_years", "15")
    page.locator("#id_number").press_sequentially(number or "")
    expect(page.locator("#identity")).to_contain_text("Already a customer")
    page.locator("#identity").get_by_role("button").click()

    expect(page.locator("#id_number")).to_have_count(0)
    expect(page.locator("#product_id")).to_have_value(str(other_product))
    expect(page.locator("#sum_assured")).to_have_value("123 456")
    expect(page.locator("#term_years")).to_have_value("15")
    page.get_by_role("button", name="Save quote").click()
    expect(page.locator("main")).to_contain_text("was saved")
