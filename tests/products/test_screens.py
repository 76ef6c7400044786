"""The product screens, as a person uses them."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.products import queries, services
from insurance.products.models import Product, ProductStatus
from tests.factories.identity import SignedInClient
from tests.factories.organizations import OrganizationFacts
from tests.factories.products import (
    NOW,
    add_death_benefit,
    ask,
    draft_version,
    launched_version,
    make_draft,
    make_family_product,
    make_launched_product,
    make_motor_table,
    make_rate_table,
    make_ready_draft,
)

SignIn = Callable[..., SignedInClient]

TERM = {
    "name": "Term Life",
    "class_code": "RISK",
    "product_type": "TERM_LIFE",
    "pricing_method": "BENEFIT_LEVEL",
    "min_entry_age": "18",
    "max_entry_age": "65",
    "max_sum_assured": "5 000 000",
    "term_type": "FIXED_TERM",
    "default_term_years": "20",
    "premium_projection_type": "LEVEL",
    "quote_valid_days": "30",
    "backdating_limit_days": "30",
    "pro_rata_method": "ACTUAL_DAYS",
    "cancellation_basis": "PRO_RATA",
    "short_rate_per_cent": "90",
}


def _path(client: SignedInClient, product: Product, rest: str = "") -> str:
    return client.url(f"/products/{product.id}{rest}")


def test_the_list_shows_products_with_status_class_and_version(
    sign_in: SignIn, session: Session
) -> None:
    make_launched_product("Term Life")
    make_draft("Family Funeral", product_type="FUNERAL")
    client = sign_in()

    html = client.get(client.url("/products")).text

    assert "Term Life" in html
    assert "Family Funeral" in html
    assert "Launched" in html


def test_the_list_is_filtered_by_its_address(sign_in: SignIn, session: Session) -> None:
    make_launched_product("Term Life")
    make_draft("Family Funeral", product_type="FUNERAL")
    client = sign_in()

    assert "Family Funeral" not in client.get(client.url("/products?status=launched")).text
    assert "Term Life" not in client.get(client.url("/products?class_code=FUNERAL")).text
    assert "Term Life" not in client.get(client.url("/products?q=funeral")).text
    assert "No products match" in client.get(client.url("/products?q=zzz")).text


def test_htmx_gets_the_list_alone(sign_in: SignIn, session: Session) -> None:
    make_draft()
    client = sign_in()

    response = client.htmx(client.url("/products"))

    assert response.text.lstrip().startswith('<div id="list"')
    assert "HX-Request-Type" in response.headers["Vary"]


def test_a_longer_list_needs_no_more_queries(sign_in: SignIn, session: Session) -> None:
    client = sign_in()
    make_family_product("One")
    client.get(client.url("/products"))
    few = _queries_of(lambda: client.get(client.url("/products")))
    for number in range(4):
        make_family_product(f"More {number}")

    assert _queries_of(lambda: client.get(client.url("/products"))) == few


def test_a_product_is_made_with_a_plain_form(sign_in: SignIn, session: Session) -> None:
    client = sign_in()

    response = client.post(client.url("/products/new"), data=TERM)

    assert response.status_code == 303
    (line,) = queries.list_products(session).items
    assert line.product.name == "Term Life"
    assert line.version.max_sum_assured == Decimal("5000000.00")
    assert "was created as a draft" in client.get(response.headers["Location"]).text


def test_refusals_stand_at_their_fields_and_keep_what_was_typed(
    sign_in: SignIn, session: Session
) -> None:
    client = sign_in()

    response = client.post(
        client.url("/products/new"),
        data=TERM | {"name": "", "min_entry_age": "70", "max_sum_assured": "a lot"},
    )

    assert response.status_code == 422
    assert 'href="#name"' in response.text
    assert 'value="a lot"' in response.text
    assert queries.list_products(session).items == []


def test_a_business_refusal_stands_at_its_field(sign_in: SignIn, session: Session) -> None:
    client = sign_in()

    response = client.post(client.url("/products/new"), data=TERM | {"min_entry_age": "70"})

    assert response.status_code == 422
    assert 'id="max_entry_age-wrong"' in response.text


def test_the_product_page_shows_benefits_rates_questions_and_versions(
    sign_in: SignIn, session: Session
) -> None:
    product = make_ready_draft()
    ask(product)
    client = sign_in()

    html = client.get(_path(client, product)).text

    for shown in ("Main Member Death", "18–65", "0,52", "Do you smoke?", "Version 1"):
        assert shown in html
    assert "8 of 8 checks hold" in html


def test_an_unknown_version_is_not_found(sign_in: SignIn, session: Session) -> None:
    product = make_draft()
    client = sign_in()

    assert client.get(_path(client, product, "?version=9")).status_code == 404
    assert client.get(_path(client, product, "/compare?from=1&to=9")).status_code == 404


def test_editing_the_terms_of_a_launched_product_starts_a_draft(
    sign_in: SignIn, session: Session
) -> None:
    product = make_launched_product()
    client = sign_in()

    response = client.post(
        _path(client, product, "/edit"),
        data=TERM
        | {"min_sum_assured": "10 000", "max_entry_age": "60", "version": product.version},
    )

    assert response.status_code == 303
    assert response.headers["Location"].endswith("?version=2")
    assert draft_version(product).max_entry_age == 60
    assert launched_version(product).max_entry_age == 65


def test_saving_an_unchanged_form_starts_no_draft(sign_in: SignIn, session: Session) -> None:
    product = make_launched_product()
    client = sign_in()

    client.post(
        _path(client, product, "/edit"),
        data=TERM | {"min_sum_assured": "10 000", "version": product.version},
    )

    assert queries.find_draft(session, product.id) is None


def test_who_saves_second_sees_both_values_and_may_then_decide(
    sign_in: SignIn, session: Session
) -> None:
    product = make_draft()
    services.edit_product(product.id, {"max_entry_age": 60}, version=1, now=NOW)
    client = sign_in()
    mine = TERM | {"min_sum_assured": "10 000", "max_entry_age": "55", "version": "1"}

    refused = client.post(_path(client, product, "/edit"), data=mine)
    decided = client.post(_path(client, product, "/edit"), data=mine | {"version": "2"})

    assert refused.status_code == 409
    assert "<del>60</del>" in refused.text
    assert "<ins>55</ins>" in refused.text
    assert 'name="version" type="hidden" value="2"' in refused.text
    assert decided.status_code == 303
    session.rollback()
    assert draft_version(product).max_entry_age == 55


def test_a_benefit_is_added_changed_and_taken_out(sign_in: SignIn, session: Session) -> None:
    product = make_draft()
    table = make_rate_table()
    client = sign_in()
    form = {
        "benefit_type_code": "DEATH",
        "benefit_name": "Main Member Death",
        "member_role": "MAIN_MEMBER",
        "benefit_amount_type": "SUM_INSURED",
        "rate_table_id": str(table.id),
        "is_mandatory": "y",
        "version": "1",
    }

    added = client.post(_path(client, product, "/benefits/new"), data=form)
    (benefit,) = queries.list_benefits(session, draft_version(product).id)
    code = benefit.benefit_code
    changed = client.post(
        _path(client, product, f"/benefits/{benefit.id}/edit"),
        data=form | {"rate_table_id": "", "flat_premium": "59,00"},
    )
    session.rollback()
    session.expire_all()
    priced = queries.get_benefit(session, benefit.id).flat_premium
    taken_out = client.post(_path(client, product, f"/benefits/{benefit.id}/delete"))
    session.rollback()

    assert [one.status_code for one in (added, changed, taken_out)] == [303, 303, 303]
    assert code == "DEATH"
    assert priced == Decimal("59.00")
    assert queries.list_benefits(session, draft_version(product).id) == []


def test_a_benefit_with_two_prices_is_refused_at_the_field(
    sign_in: SignIn, session: Session
) -> None:
    product = make_draft()
    client = sign_in()

    response = client.post(
        _path(client, product, "/benefits/new"),
        data={
            "benefit_type_code": "DEATH",
            "benefit_name": "Death",
            "member_role": "MAIN_MEMBER",
            "benefit_amount_type": "SUM_INSURED",
            "rate_table_id": str(make_rate_table().id),
            "flat_premium": "59",
        },
    )

    assert response.status_code == 422
    assert 'id="flat_premium-wrong"' in response.text


def test_a_benefit_is_reached_through_its_own_product_only(
    sign_in: SignIn, session: Session
) -> None:
    benefit_id = add_death_benefit(make_draft("One"), make_rate_table())
    other = make_draft("Two")
    client = sign_in()

    response = client.get(_path(client, other, f"/benefits/{benefit_id}/edit"))

    assert response.status_code == 404


def test_a_question_is_added_changed_and_taken_out(sign_in: SignIn, session: Session) -> None:
    product = make_draft()
    client = sign_in()
    form = {
        "label": "What is your occupation?",
        "field_code": "occupation",
        "field_type": "CHOICE",
        "options": "Office\nMining\n",
        "is_required": "y",
        "version": "1",
    }

    added = client.post(_path(client, product, "/inception-rules/new"), data=form)
    (rule,) = queries.list_inception_rules(session, draft_version(product).id)
    shown = client.get(_path(client, product, f"/inception-rules/{rule.id}/edit"))
    changed = client.post(
        _path(client, product, f"/inception-rules/{rule.id}/edit"),
        data=form | {"options": "Office"},
    )
    taken_out = client.post(_path(client, product, f"/inception-rules/{rule.id}/delete"))

    assert added.status_code == 303
    assert rule.options == ["Office", "Mining"]
    assert "Office\nMining" in shown.text
    assert changed.status_code == 422
    assert "at least two options" in changed.text
    assert taken_out.status_code == 303


def test_the_launch_page_shows_why_a_draft_cannot_be_sold(
    sign_in: SignIn, session: Session
) -> None:
    product = make_draft()
    client = sign_in()

    shown = client.get(_path(client, product, "/launch"))
    refused = client.post(_path(client, product, "/launch"), data={"version": "1"})

    assert "Add at least one benefit." in shown.text
    assert "Launch version 1</button>" not in shown.text
    assert refused.status_code == 422
    session.rollback()
    assert queries.get_product(session, product.id).status is ProductStatus.DRAFT


def test_a_complete_draft_is_launched_from_its_page(sign_in: SignIn, session: Session) -> None:
    product = make_ready_draft()
    client = sign_in()

    response = client.post(_path(client, product, "/launch"), data={"version": "1"})

    assert response.status_code == 303
    assert "is launched and can be quoted" in client.get(response.headers["Location"]).text
    session.rollback()
    assert launched_version(product).number == 1


def test_a_draft_that_changed_since_it_was_looked_at_is_not_launched(
    sign_in: SignIn, session: Session
) -> None:
    product = make_ready_draft()
    services.edit_product(product.id, {"max_entry_age": 60}, now=NOW)
    client = sign_in()

    response = client.post(_path(client, product, "/launch"), data={"version": "1"})

    assert response.status_code == 409


def test_withdrawing_needs_a_reason(sign_in: SignIn, session: Session) -> None:
    product = make_launched_product()
    client = sign_in()
    path = _path(client, product, "/withdraw")

    refused = client.post(path, data={"reason": "", "version": product.version})
    done = client.post(path, data={"reason": "replaced", "version": product.version})

    assert (refused.status_code, done.status_code) == (422, 303)
    session.rollback()
    session.expire_all()
    assert queries.get_product(session, product.id).status is ProductStatus.WITHDRAWN


def test_who_withdraws_what_somebody_changed_meanwhile_is_told_once_and_then_decides(
    sign_in: SignIn, session: Session
) -> None:
    product = make_launched_product()
    client = sign_in()

    refused = client.post(
        _path(client, product, "/withdraw"), data={"reason": "replaced", "version": "99"}
    )

    assert refused.status_code == 409
    assert "Somebody else changed this product" in refused.text
    assert f'name="version" type="hidden" value="{product.version}"' in refused.text


def test_a_draft_is_deleted_after_a_question(sign_in: SignIn, session: Session) -> None:
    product = make_ready_draft()
    client = sign_in()

    asked = client.get(_path(client, product, "/delete"))
    done = client.post(_path(client, product, "/delete"))

    assert "lost for good with its 1 benefit and 0 questions" in asked.text
    assert done.status_code == 303
    session.rollback()
    assert queries.list_products(session).items == []


def test_only_the_draft_of_a_launched_product_is_discarded(
    sign_in: SignIn, session: Session
) -> None:
    product = make_launched_product()
    client = sign_in()

    started = client.post(_path(client, product, "/draft"))
    discarded = client.post(_path(client, product, "/delete"))
    nothing_left = client.post(_path(client, product, "/delete"))

    assert (started.status_code, discarded.status_code) == (303, 303)
    assert nothing_left.status_code == 409
    session.rollback()
    assert [one.number for one in queries.list_versions(session, product.id)] == [1]


def test_two_versions_are_compared_in_words(sign_in: SignIn, session: Session) -> None:
    product = make_launched_product()
    services.edit_product(product.id, {"max_entry_age": 60}, now=NOW)
    client = sign_in()

    html = client.get(_path(client, product, "/compare?from=1&to=2")).text

    assert "Oldest entry age" in html
    assert "<del>65</del>" in html
    assert "<ins>60</ins>" in html
    assert "say the same" in client.get(_path(client, product, "/compare?from=1&to=1")).text


def test_a_rate_table_is_pasted_and_read_as_a_grid(sign_in: SignIn, session: Session) -> None:
    client = sign_in()

    response = client.post(
        client.url("/products/rate-tables/new"),
        data={
            "table_name": "Term rates",
            "table_code": "term-rates",
            "rate_basis": "PER_MILLE",
            "method": "MATRIX",
            "entries": "age;male;female\n18–30;0,45;0,32\n31–65;1,2;0,9",
        },
    )
    html = client.get(response.headers["Location"]).text

    assert response.status_code == 303
    for cell in ("18–30", "0,45", "1,20", "0,90"):
        assert cell in html


def test_a_pasted_rate_that_is_none_is_named_by_line(sign_in: SignIn, session: Session) -> None:
    client = sign_in()

    response = client.post(
        client.url("/products/rate-tables/new"),
        data={
            "table_name": "Term rates",
            "table_code": "term-rates",
            "rate_basis": "PER_MILLE",
            "method": "MATRIX",
            "entries": "age,rate\n18-30,0.4S",
        },
    )

    assert response.status_code == 422
    assert "Line 2: “0.4S” is not a rate." in response.text


def test_a_new_version_starts_from_the_rates_it_replaces(sign_in: SignIn, session: Session) -> None:
    matrix, motor = make_rate_table(), make_motor_table()
    client = sign_in()

    start = client.get(client.url(f"/products/rate-tables/new?from={matrix.id}")).text
    relativities = client.get(client.url(f"/products/rate-tables/new?from={motor.id}")).text

    assert "18,65,MALE,0.52" in start
    assert "vehicle_group, A, 0.9" in relativities


def test_rate_tables_are_listed_with_what_they_price(sign_in: SignIn, session: Session) -> None:
    add_death_benefit(make_draft("Term Life"), make_rate_table("rates"))
    table = make_motor_table()
    client = sign_in()

    listed = client.get(client.url("/products/rate-tables")).text
    motor = client.get(client.url(f"/products/rate-tables/{table.id}")).text

    assert "rates table" in listed
    assert "1,20" in motor
    assert "Nothing yet" in motor


def test_a_category_is_made_once(sign_in: SignIn, session: Session) -> None:
    client = sign_in()
    form = {
        "class_code": "RISK",
        "category_name": "Individual term life",
        "category_code": "INDIVIDUAL_TERM",
        "target_market": "RETAIL",
    }

    first = client.post(client.url("/products/categories/new"), data=form)
    second = client.post(client.url("/products/categories/new"), data=form)

    assert (first.status_code, second.status_code) == (303, 409)
    assert "Individual term life" in client.get(client.url("/products/categories")).text


@pytest.mark.parametrize("role", [Role.AGENT, Role.AUDITOR])
def test_who_only_reads_sees_no_way_to_change_and_finds_none(
    sign_in: SignIn, session: Session, role: Role
) -> None:
    product = make_ready_draft()
    client = sign_in(role)

    html = client.get(_path(client, product)).text

    assert "Add benefit" not in html
    assert "Launch version" not in html
    for path in ("/edit", "/launch", "/delete", "/benefits/new", "/inception-rules/new"):
        assert client.get(_path(client, product, path)).status_code == 403
        assert client.post(_path(client, product, path)).status_code == 403


def test_another_insurers_product_is_not_there(
    sign_in: SignIn, session: Session, other_org: OrganizationFacts
) -> None:
    product = make_launched_product()
    stranger = sign_in(organization=other_org)

    for rest in ("", "/edit", "/compare", "/benefits/new", "/withdraw"):
        assert stranger.get(_path(stranger, product, rest)).status_code == 404


def test_text_that_looks_like_markup_is_shown_as_it_was_typed(
    sign_in: SignIn, session: Session
) -> None:
    client = sign_in()
    client.post(client.url("/products/new"), data=TERM | {"name": "<script>alert(1)</script>"})

    html = client.get(client.url("/products")).text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert(1)" not in html


def _queries_of(work: Callable[[], object]) -> int:
    seen: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        work()
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
    return len(seen)
