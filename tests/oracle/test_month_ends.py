"""A book through its month-ends: schedules grow, premiums rise, what is not paid lapses."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from tests.factories.identity import TestClient
from tests.factories.organizations import OrganizationFacts
from tests.oracle.calendar_and_cents import months_after
from tests.oracle.catalogue import Article
from tests.oracle.histories import Act, History, Telling, begin, step
from tests.oracle.model import Benefit, Terms
from tests.oracle.office import Office, on

D = Decimal
RISING = Article(
    "RISK",
    "DEATH",
    Terms(
        benefits=(
            Benefit("MAIN", per_mille=D("0.5237")),
            Benefit("EXTRA", flat=D("37.45"), fixed_amount=D("15000.00")),
        )
    ),
    covers=(61_250, 123_456),
    rises=(D("4.37"), D("3")),
)
LEVEL = Article(
    "RISK",
    "DEATH",
    Terms(benefits=(Benefit("MAIN", per_mille=D("0.61")),), loading=(("QUARTERLY", D("2.5")),)),
    covers=(200_000, 500_000),
)
BEGINS = date(2027, 1, 31)
MONTH_ENDS = (1, 2, 4, 9, 12, 13, 14)
"""Months without one are caught up by the next."""
BOOK = (
    (RISING, "MONTHLY", date(2027, 1, 31), "always"),
    (RISING, "MONTHLY", date(2027, 1, 29), "ahead"),
    (RISING, "QUARTERLY", date(2027, 1, 30), "always"),
    (RISING, "ANNUAL", date(2027, 1, 31), "always"),
    (RISING, "HALF_YEARLY", date(2027, 1, 27), "late"),
    (LEVEL, "MONTHLY", date(2027, 1, 31), "stops"),
    (LEVEL, "QUARTERLY", date(2027, 1, 28), "always"),
    (LEVEL, "MONTHLY", date(2027, 1, 15), "part"),
)


def test_a_book_through_its_month_ends(
    api: Callable[..., TestClient], org: OrganizationFacts
) -> None:
    office, random = Office(api, org), Random(7)
    book = [
        (
            begin(office, History(article, article.covers[n % 2], frequency, BEGINS, start, ())),
            pays,
        )
        for n, (article, frequency, start, pays) in enumerate(BOOK)
    ]
    for month in MONTH_ENDS:
        day = months_after(BEGINS, month, 31)
        for telling, pays in book:
            _pay(telling, pays, day - timedelta(days=random.randrange(1, 20)), month)
        with on(day):
            office.close_month(day)
        for telling, _pays in book:
            _let_month_end(telling, day)
            with on(day):
                telling.check()


def _pay(telling: Telling, pays: str, day: date, month: int) -> None:
    policy = telling.policy
    day = max(day, policy.today)
    amount = {
        "always": "what is due",
        "late": "what is due",
        "ahead": "the next premium too",
        "part": "a part",
        "stops": "what is due",
    }[pays]
    if (
        policy.status != "active"
        or (pays == "stops" and month > 3)
        or (pays == "late" and month % 2)
    ):
        return
    policy.pass_to(day)
    if pays != "ahead" and not policy.arrears:
        return
    with on(day):
        step(telling, Act("not", "pay", 0, amount), is_last=False)


def _let_month_end(telling: Telling, day: date) -> None:
    """Do to the model what a month-end does: rise, extend, use credit, lapse."""
    policy = telling.policy
    policy.pass_to(day)
    telling.say("month-end")
    if policy.status != "active":
        return
    rises = telling.history.article.rises
    for year in range(1, 3):
        anniversary = months_after(policy.start, 12 * year)
        is_known = any(one.effective == anniversary for one in policy.steps)
        if rises and anniversary <= day and not is_known:
            policy.rise(anniversary, *rises)
    policy.extend(months_after(day, 12))
    policy.use_credit()
    if policy.may_lapse():
        policy.lapse()
