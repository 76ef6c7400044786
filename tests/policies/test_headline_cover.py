"""The headline cover of a policy is what its main benefit insures, before and after every change."""

import runpy
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from insurance.core.money import to_cents
from insurance.core.settings import Settings
from insurance.policies import queries
from insurance.policies.models import EndorsementType, PolicyBenefit, PortfolioCount
from insurance.policies.rules import (
    Change,
    Contract,
    ContractBenefit,
    ContractLayer,
    ContractMember,
    Pricer,
    contract_of,
    fold,
    snapshot_of,
)
from insurance.policies.services import accept_quote
from insurance.policies.services.endorsements import (
    EndorsementRequest,
    endorse_policy,
    preview_endorsement,
)
from insurance.products import services as products
from insurance.products.models import AmountType, MemberRole
from tests.factories.book import NOW, TODAY, make_customer, make_quote
from tests.factories.products import add_death_benefit, make_draft, make_rate_table
from tests.factories.terms import death, funeral_expenses, product

D = Decimal
START = date(2026, 2, 5)
MAIN, LIABILITY, HALF, CHILD = (UUID(int=number) for number in (1, 2, 3, 4))
HOLDER = ContractMember(
    id=UUID(int=9),
    role="MAIN_MEMBER",
    first_name="Thandi",
    last_name="Mokoena",
    date_of_birth=date(1990, 6, 1),
    gender="MALE",
    effective_date=START,
)
TERMS = product(
    funeral_expenses(code="LIABILITY", is_mandatory=True, default_amount=D(2_500_000)),
    death(is_main=True),
    funeral_expenses(
        code="HALF", amount_type="PERCENTAGE", default_amount=D(50), is_mandatory=True
    ),
    funeral_expenses(
        code="CHILD", amount_type="PERCENTAGE", default_amount=D(50), member_role="CHILD"
    ),
)


def _benefit(number: UUID, code: str, amount: str, price: str) -> ContractBenefit:
    layer = ContractLayer(
        number=1,
        amount=D(amount),
        starts_on=START,
        waiting_days=0,
        waiting_until=START,
        reason="Issued",
        price=D(price),
    )
    return ContractBenefit(
        id=number,
        member_id=HOLDER.id,
        benefit_code=code,
        benefit_name=code,
        benefit_type_code="DEATH",
        status="ACTIVE",
        layers=(layer,),
        is_main=number == MAIN,
    )


CONTRACT = Contract(
    members=(HOLDER,),
    benefits=(
        _benefit(LIABILITY, "LIABILITY", "2500000", "50"),
        _benefit(MAIN, "DEATH_MAIN", "180000", "93.60"),
        _benefit(HALF, "HALF", "90000", "50"),
    ),
    due_day=5,
    frequency="MONTHLY",
)


def _after(*changes: tuple[str, dict[str, Any]], contract: Contract = CONTRACT) -> Contract:
    made = [
        Change(id=UUID(int=100 + at), type=kind, on=date(2026, 3, 5), data=data, sequence=at)
        for at, (kind, data) in enumerate(changes)
    ]
    return fold(contract, START, made, Pricer(TERMS))[-1].contract


def _cover(amount: object, of: UUID = MAIN) -> tuple[str, dict[str, Any]]:
    return "CHANGE_COVER", {"policy_benefit_id": str(of), "new_sum_assured": str(amount)}


def _sums(contract: Contract) -> dict[str, Decimal]:
    return {one.benefit_code: one.sum_assured for one in contract.active_benefits}


def test_a_change_of_cover_does_not_make_the_largest_benefit_the_headline() -> None:
    assert CONTRACT.coverage_amount == 180_000
    assert _after(_cover(200_000)).coverage_amount == 200_000
    assert _after(_cover(150_000)).coverage_amount == 150_000
    assert _after(_cover(3_000_000, LIABILITY)).coverage_amount == 180_000


def test_what_is_a_share_of_the_headline_follows_it_up_and_down() -> None:
    assert _sums(_after(_cover(200_000)))["HALF"] == 100_000
    assert _sums(_after(_cover(100_000)))["HALF"] == 50_000


def test_a_share_that_was_chosen_apart_stays_as_it_is() -> None:
    apart = _after(_cover(70_000, HALF))

    assert _sums(_after(_cover(200_000), contract=apart))["HALF"] == 70_000


def test_a_child_added_later_has_half_of_the_main_benefit_and_not_of_the_largest() -> None:
    child = {
        "member_id": str(UUID(int=20)),
        "member_role": "CHILD",
        "first_name": "Neo",
        "last_name": "Mokoena",
        "date_of_birth": "2020-01-01",
        "gender": None,
        "benefit_ids": {"CHILD": str(CHILD)},
    }

    after = _after(_cover(10_000), ("ADD_MEMBER", child))

    assert (after.coverage_amount, _sums(after)["CHILD"]) == (10_000, 5_000)


def test_an_anniversary_raises_the_headline_with_the_main_benefit() -> None:
    rise = {"premium_factor": "1.06", "cover_factor": "1.05", "rates_by_age": False}

    assert _after(("ANNIVERSARY", rise)).coverage_amount == 189_000


def test_once_the_main_benefit_has_ended_the_next_one_in_force_is_the_headline() -> None:
    ended = replace(CONTRACT.benefits[1], status="ENDED")

    assert CONTRACT.with_benefit(ended).coverage_amount == 2_500_000


def test_a_version_from_before_the_mark_reads_its_main_benefit_from_what_it_stated() -> None:
    stored = snapshot_of({}, CONTRACT)
    for one in stored["benefits"]:
        del one["is_main"]

    read = contract_of(stored)

    assert read == CONTRACT


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from([MAIN, LIABILITY, HALF]), st.decimals(10_000, 5_000_000, places=2)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_cover_stated_is_cover_priced_after_every_change(
    steps: list[tuple[UUID, Decimal]],
) -> None:
    """Whatever is changed in whatever order: the headline is the main benefit's cover, and it costs
    its sum assured times its rate, rounded once."""
    contract = CONTRACT
    for of, amount in steps:
        benefit = contract.benefit(of)
        assert benefit is not None
        if benefit.sum_assured == amount:
            continue
        contract = _after(_cover(amount, of), contract=contract)
        main = contract.benefit(MAIN)
        assert main is not None
        assert contract.coverage_amount == main.sum_assured
        assert main.premium == to_cents(main.sum_assured / 1000 * D("0.52"))


def _family(session: Session) -> UUID:
    """Return a policy of 180 000: 72.00 for death, 50.00 for an accident of R2 500 000."""
    draft = make_draft("Headline")
    table = make_rate_table("headline-rates")
    for benefit in (
        products.NewBenefit(
            benefit_code="ACCIDENT",
            benefit_name="Accidental Death",
            benefit_type_code="ACCIDENTAL_DEATH",
            benefit_amount_type=AmountType.FIXED,
            default_amount=D(2_500_000),
            flat_premium=D(50),
        ),
        products.NewBenefit(
            benefit_code="CHILD",
            benefit_name="Child",
            benefit_type_code="DEATH",
            benefit_amount_type=AmountType.PERCENTAGE,
            default_amount=D(50),
            member_role=MemberRole.CHILD,
            flat_premium=D(10),
            display_order=3,
        ),
    ):
        products.add_benefit(draft.id, benefit, now=NOW)
    add_death_benefit(draft, table, is_main=True, display_order=2)
    products.launch_product(draft.id, now=NOW)
    quote_id = make_quote(draft.id, make_customer(), sum_assured=D(180_000))
    return accept_quote(quote_id, on=TODAY, now=NOW).policy.id


def test_the_policy_and_the_portfolio_state_the_main_benefit_after_a_change(
    session: Session,
) -> None:
    policy_id = _family(session)
    main = session.scalars(select(PolicyBenefit).where(PolicyBenefit.is_main)).one()
    more = EndorsementRequest(
        type=EndorsementType.CHANGE_COVER,
        data={"policy_benefit_id": main.id, "new_sum_assured": D(200_000)},
        effective_date=TODAY,
    )
    preview = preview_endorsement(policy_id, more, on=TODAY)

    endorse_policy(policy_id, more, on=TODAY, now=NOW)

    assert (preview.current_cover, preview.new_cover) == (D(180_000), D(200_000))
    assert queries.get_policy(session, policy_id).coverage_amount == D(200_000)
    assert session.scalars(select(PortfolioCount.cover)).all() == [D(200_000)]


def test_a_policy_whose_headline_became_the_largest_benefit_gets_its_own_back(
    session: Session, settings: Settings
) -> None:
    """The migration marks main benefits as the product's terms say and corrects what was stated."""
    policy_id = _family(session)
    session.execute(text("UPDATE ins.policy_benefits SET is_main = false"))
    session.execute(text("UPDATE ins.policies SET coverage_amount = 2500000"))
    session.execute(text("UPDATE ins.portfolio_counts SET cover = 2500000"))
    (path,) = Path("migrations/versions").glob("*main_benefit_1*.py")
    migration = runpy.run_path(str(path))

    session.commit()
    owner = create_engine(settings.sqlalchemy_owner_url)
    with owner.begin() as connection:
        for step in ("MARK", "WRONG", "CORRECT", "SAY", "COUNT"):
            connection.execute(text(migration[step]))
    owner.dispose()

    session.expire_all()
    main = session.scalars(select(PolicyBenefit).where(PolicyBenefit.is_main)).one()
    assert main.benefit_code == "DEATH_MAIN"
    assert queries.get_policy(session, policy_id).coverage_amount == D(180_000)
    assert session.scalars(select(PortfolioCount.cover)).all() == [D(180_000)]
