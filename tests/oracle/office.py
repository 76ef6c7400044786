"""The product as its users reach it: every act and every look is a request of the JSON API."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from insurance.core import clock
from tests.factories.identity import TestClient
from tests.factories.organizations import OrganizationFacts
from tests.oracle.catalogue import Article

SET_UP_ON = date(2025, 6, 1)
KEYS_MADE_ON = date(2039, 1, 1)
"""A key lives thirty days from the day it is made; histories stop long before this one."""


@contextmanager
def on(day: date) -> Iterator[None]:
    """Let it be ten o'clock of a day in South Africa."""
    with clock.frozen(datetime(day.year, day.month, day.day, 8, tzinfo=UTC)):
        yield


@dataclass
class Answer:
    """What the product answered; money in it is exact."""

    status: int
    body: Any

    @property
    def is_refusal(self) -> bool:
        """Say whether the product did not do it."""
        return self.status >= 400

    @property
    def words(self) -> str:
        """Return why it was refused."""
        return str(self.body.get("detail", self.body)).replace("\xa0", " ")


@dataclass
class Seen:
    """A policy as the product shows it."""

    lines: list[dict[str, Any]]
    transfers: list[dict[str, Any]]
    detail: dict[str, Any]
    balances: dict[str, Decimal] = field(default_factory=dict)
    posted: set[date] = field(default_factory=set)


class Office:
    """An insurer with three people who work there."""

    _passports = count(1)

    def __init__(self, api: Callable[..., TestClient], organization: OrganizationFacts) -> None:
        with on(KEYS_MADE_ON):
            self.maker = api(organization=organization)
            self.checker = api(organization=organization)
            self.third = api(organization=organization)
        self._products: dict[Article, str] = {}
        self._customer: str | None = None
        self._number = count(1)
        self.asked = 0

    def ask(
        self, method: str, path: str, body: Any = None, *, client: TestClient | None = None
    ) -> Answer:
        """Send a request and return its answer."""
        self.asked += 1
        answer = (client or self.maker).open(f"/api/v1{path}", method=method, json=body)
        assert answer.status_code < 500, f"{method} {path} {body} answered {answer.text}"
        read = json.loads(answer.data, parse_float=Decimal) if answer.data else None
        return Answer(answer.status_code, read)

    def do(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request that must be taken."""
        answer = self.ask(method, path, body)
        assert not answer.is_refusal, f"{method} {path} {body}: {answer.words}"
        return answer.body

    def product(self, article: Article) -> str:
        """Return the product of an article, made and launched the first time."""
        if article not in self._products:
            with on(SET_UP_ON):
                self._products[article] = self._make_product(article)
        return self._products[article]

    def _make_product(self, article: Article) -> str:
        terms, number = article.terms, next(self._number)
        product = self.do(
            "POST",
            "/products",
            {
                "name": f"{article.class_code.title()} {number}",
                "product_type": article.class_code,
                "class_code": article.class_code,
                "min_sum_assured": 1,
                "max_sum_assured": max(article.covers),
                "default_term_years": terms.term_years,
                "cancellation_basis": terms.keeps,
                "short_rate_per_cent": str(terms.short_rate),
                "modal_loadings": {name: str(rate) for name, rate in terms.loading},
                "premium_projection_type": "INDEXED" if article.rises else "LEVEL",
                "main_death": article.main_death,
                "premium_free_months": article.free_months,
            }
            | ({"min_entry_age": 18, "max_entry_age": 65} if article.is_life else {}),
        )["id"]
        for order, benefit in enumerate(terms.benefits, 1):
            body: dict[str, Any] = {
                "benefit_type_code": article.benefit_type,
                "benefit_code": benefit.code,
                "benefit_name": benefit.code.capitalize(),
                "display_order": order,
                "member_role": benefit.role,
                "is_mandatory": benefit.role == "MAIN_MEMBER",
                "waiting_period_days": benefit.waiting_days,
                "excess_amount": str(benefit.excess_amount),
                "excess_per_cent": float(benefit.excess_per_cent),
            }
            if benefit.per_cent_of_main is not None:
                body["benefit_amount_type"] = "PERCENTAGE"
                body["default_amount"] = str(benefit.per_cent_of_main)
            if benefit.fixed_amount is not None:
                body["benefit_amount_type"] = "FIXED"
                body["default_amount"] = str(benefit.fixed_amount)
            if benefit.per_mille is not None:
                table = {
                    "table_name": f"Rates {number} {order}",
                    "table_code": f"rates-{number}-{order}",
                    "rate_basis": "PER_MILLE",
                    "entries": [{"rate": float(benefit.per_mille)}],
                }
                body["rate_table_id"] = self.do("POST", "/rate-tables", table)["id"]
            else:
                body["flat_premium"] = str(benefit.flat)
            self.do("POST", f"/products/{product}/benefits", body)
        rule = {"effective_from": "2020-01-01", "requires_notice": False}
        self.do("POST", f"/products/{product}/lapse-rules", rule)
        self.do("PUT", f"/products/{product}/launch")
        if article.rises:
            rule = {
                "escalation_type": "INDEXED",
                "valid_from": "2020-01-01",
                "product_id": product,
                "fixed_rate": str(article.rises[0]),
                "cover_rate": str(article.rises[1]),
            }
            self.do("POST", "/month-end/escalation-rules", rule)
        return str(product)

    def close_month(self, day: date) -> None:
        """Plan a month-end for everybody, let a second person approve it, and apply it."""
        body = {"process_date": day.isoformat(), "auto_lapse": True, "wait": True}
        run = self.do("POST", "/month-end/process", body)["run_id"]
        path = f"/month-end/runs/{run}"
        approved = self.ask("POST", f"{path}/approve", {}, client=self.checker)
        assert not approved.is_refusal, approved.words
        done = self.do("POST", f"{path}/apply", {"wait": True})
        assert done["status"] == "COMPLETED", done

    def customer(self, *, new: bool) -> str:
        """Return a man of thirty-odd or more, the same one unless a new one is asked for."""
        if new or self._customer is None:
            number = next(Office._passports)
            made = self.do(
                "POST",
                "/customers",
                {
                    "first_name": word(number * 7919),
                    "last_name": word(number),
                    "date_of_birth": (date(1990, 1, 1) - timedelta(days=7 * number)).isoformat(),
                    "gender": "MALE",
                    "email": f"adam{number}@example.org",
                    "passport_number": f"AB{number:07d}",
                    "passport_country": "GB",
                },
            )["id"]
            if new:
                return str(made)
            self._customer = str(made)
        return self._customer

    def sell(
        self, article: Article, cover: int, frequency: str, start: date, *, to_new: bool = False
    ) -> "Desk":
        """Return a policy that was quoted and accepted today."""
        quote = self.do(
            "POST",
            "/quotes",
            {
                "product_id": self.product(article),
                "customer_id": self.customer(new=to_new or article.class_code == "FUNERAL"),
                "sum_assured": cover,
                "frequency": frequency,
                "term_years": article.terms.term_years,
            },
        )
        body = {"effective_date": start.isoformat()}
        issued = self.do("PUT", f"/quotes/{quote['id']}/accept", body)
        return Desk(self, issued["policy"]["id"])


def word(number: int) -> str:
    """Return a name that sounds like no other."""
    syllables = ("ba", "do", "ke", "li", "mu", "na", "po", "ri", "sa", "ty", "vu", "we", "xo", "zi")
    word = ""
    for _ in range(5):
        number, place = divmod(number, len(syllables))
        word += syllables[place]
    return word.capitalize()


class Desk:
    """One policy at the office."""

    def __init__(self, office: Office, policy_id: str) -> None:
        self.office, self.path = office, f"/policies/{policy_id}"

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request about the policy; where a second person is asked, that person agrees."""
        answer = self.office.ask(method, self.path + path, body)
        approval = answer.body.get("approval_id") if isinstance(answer.body, dict) else None
        if not answer.is_refusal and approval:
            agreed = self.office.ask(
                "POST", f"/approvals/{approval}/approve", {}, client=self.office.checker
            )
            if agreed.is_refusal:
                return agreed
        return answer

    def look(self, *, whole: bool) -> Seen:
        """Return what the product shows of the policy; the whole page only where asked for."""
        office = self.office
        seen = Seen(
            lines=office.do("GET", f"{self.path}/premiums"),
            transfers=office.do("GET", f"{self.path}/transactions?limit=200"),
            detail=office.do("GET", f"{self.path}/detail") if whole else {},
        )
        undone = {one["reverses_id"] for one in seen.transfers if one["reverses_id"]}
        for one in seen.transfers:
            for account, sign in ((one["debit_account"], 1), (one["credit_account"], -1)):
                balance = seen.balances.get(account, Decimal(0))
                seen.balances[account] = balance + sign * Decimal(one["amount"])
            if one["type"] == "PREMIUM_DUE" and one["id"] not in undone:
                seen.posted.add(date.fromisoformat(one["effective_date"]))
        return seen
