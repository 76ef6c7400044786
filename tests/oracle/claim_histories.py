"""Histories of claims on a policy, told to the model and to the product, and compared."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.oracle.calendar_and_cents import ZERO
from tests.oracle.catalogue import Article
from tests.oracle.claims_model import (
    OPEN,
    PAYABLE,
    Claim,
    Cover,
    Insured,
    Payment,
    parts_are_right,
)
from tests.oracle.histories import HISTORIES, IS_LONG, Difference
from tests.oracle.model import Benefit, Refused, Terms
from tests.oracle.office import Answer, Desk, Office, on

D = Decimal
LIFE = Article(
    "RISK",
    "DISABILITY",
    Terms(benefits=(Benefit("MAIN", flat=D("10.00"), waiting_days=90),)),
    covers=(40_000, 60_000, 100_000, 130_000),
)
HOME = Article(
    "PROPERTY",
    "PROPERTY_DAMAGE",
    Terms(
        benefits=(
            Benefit("MAIN", flat=D("11.50"), excess_amount=D("5000.00"), excess_per_cent=D("12.5")),
        ),
        vat_per_cent=15,
        term_years=1,
    ),
    covers=(40_000, 60_000, 100_000, 130_000),
)
STARTS = date(2026, 1, 31)
WAITS = (0, 0, 0, 1, 5, 31, 60)
EVENTS = ("today", "today", "yesterday", "the first day", "the day before", "a while ago", "wait")
CAUSES = ("ACCIDENT", "ACCIDENT", "NATURAL", "UNKNOWN", None)
AMOUNTS = ("all", "all", "half", "a third", "a cent more", "much more", "little", "nothing")
SHARES = (
    (D(100),),
    (D("50"), D("50")),
    (D("33.33"), D("33.33"), D("33.34")),
    (D("10"), D("20"), D("70")),
    (D("14.29"), D("14.29"), D("14.29"), D("14.29"), D("14.28"), D("28.56")),
)
ACTS = (
    "submit",
    "submit",
    "submit",
    "assess",
    "assess",
    "assess",
    "pay",
    "pay",
    "pay",
    "reopen",
    "close",
    "void",
    "change cover",
    "suspend",
    "reinstate",
)


@dataclass(frozen=True)
class Act:
    """A wait and then a step; the numbers choose among what is possible when it comes."""

    wait: int
    kind: str
    choice: int
    amount: str
    event: str
    cause: str | None


@dataclass(frozen=True)
class ClaimHistory:
    """A policy, whether its premium was paid, and what was claimed on it."""

    article: Article
    cover: int
    is_paid: bool
    shares: tuple[Decimal, ...]
    acts: tuple[Act, ...]


_ACTS = st.builds(
    Act,
    wait=st.sampled_from(WAITS),
    kind=st.sampled_from(ACTS),
    choice=st.integers(0, 11),
    amount=st.sampled_from(AMOUNTS),
    event=st.sampled_from(EVENTS),
    cause=st.sampled_from(CAUSES),
)


def claim_histories(article: Article, most: int) -> st.SearchStrategy[ClaimHistory]:
    """Draw a policy with at most so many steps."""
    return st.builds(
        ClaimHistory,
        article=st.just(article),
        cover=st.sampled_from(article.covers),
        is_paid=st.sampled_from((True, True, True, False)),
        shares=st.sampled_from(SHARES),
        acts=st.lists(_ACTS, min_size=4, max_size=most).map(tuple),
    )


@dataclass
class Telling:
    """A history of claims as it is told."""

    office: Office
    desk: Desk
    insured: Insured
    history: ClaimHistory
    benefit_id: str
    first_due: Decimal
    ids: list[dict[str, Any]] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    number: int = 0

    def fail(self, words: str) -> None:
        """Stop with the history and the first thing that differs."""
        told = "\n".join(f"  {place}. {one}" for place, one in enumerate(self.sentences, 1))
        raise Difference(f"\n{told}\n  => {words}")

    def both(self, words: str, act: Callable[[], Any], answer: Answer) -> Any:
        """Let the model do what the product was asked, and hold that both do or both refuse."""
        kept = deepcopy(self.insured)
        words = f"{self.insured.today}: {words}"
        try:
            result = act()
        except Refused as why:
            self.insured = kept
            self.sentences.append(f"{words} (refused)")
            if not answer.is_refusal:
                self.fail(f"should be refused, since {why}; the product did it: {answer.body}")
            return None
        self.sentences.append(words)
        if answer.is_refusal:
            self.fail(f"should be done; the product refuses: {answer.status} {answer.words}")
        return result if result is not None else True

    def check(self) -> None:
        """Compare every claim, what is left of the cover, and the accounts."""
        seen = self.desk.look(whole=True)
        right_money = {
            "OUTSTANDING_CLAIMS": -sum((one.reserve for one in self.insured.claims), ZERO),
            "CLAIMS_INCURRED": sum((one.reserve + one.paid for one in self.insured.claims), ZERO),
        }
        for account, right in right_money.items():
            said = seen.balances.get(account, ZERO)
            if said != right:
                self.fail(f"{account} should be {right}, the product says {said}")
        paid = sum((one.paid for one in self.insured.claims), ZERO)
        bank = self.first_due - self.insured.owed - paid
        if seen.balances.get("BANK", ZERO) != bank:
            self.fail(f"BANK should be {bank}, the product says {seen.balances.get('BANK')}")
        left = Decimal(seen.detail["benefits"][0]["remaining_cover"])
        if left != self.insured.remaining("MAIN"):
            self.fail(f"{self.insured.remaining('MAIN')} should be left, the product says {left}")

    def check_claim(self, place: int) -> None:
        """Compare a claim that something was just done to."""
        claim, number = self.insured.claims[place], place + 1
        shown = self.office.do("GET", f"/claims/{self.ids[place]['claim_id']}")
        item = shown["items"][0]
        status = shown["status"]
        if status == "PENDING_DOCUMENTS" and claim.status in OPEN:
            status = claim.status  # Papers on their way are no part of this model.
        pairs: dict[str, tuple[Any, Any]] = {
            "status": (claim.status, status),
            "decision": (claim.decision, item["decision"]),
            "waiting": (claim.waits, item["within_waiting_period"]),
        }
        amounts = {
            "cover": (claim.cover, "base_benefit_amount"),
            "claimed": (claim.claimed, "claimed_amount"),
            "remaining": (claim.remaining, "remaining_cover"),
            "payable": (claim.payable, "payable"),
            "reserve": (claim.reserve, "reserve"),
            "approved": (claim.approved, "approved_amount"),
            "paid": (claim.paid, "paid_amount"),
        }
        if claim.claimed:  # Where there was no cover, an excess says nothing.
            amounts["excess"] = (claim.excess, "excess")
        pairs |= {name: (right, Decimal(item[key])) for name, (right, key) in amounts.items()}
        for name, (right, said) in pairs.items():
            if right != said:
                self.fail(f"{name} of claim {number} should be {right}, the product says {said}")


def tell(office: Office, history: ClaimHistory) -> Telling:
    """Tell a whole history and compare after each step."""
    article = history.article
    benefit = article.terms.benefits[0]
    with on(STARTS):
        desk = office.sell(article, history.cover, "ANNUAL", STARTS)
        due = Decimal(office.do("GET", f"{desk.path}/premiums")[0]["amount"])
        telling = Telling(
            office,
            desk,
            Insured(
                start=STARTS,
                today=STARTS,
                covers={
                    "MAIN": Cover(
                        [(STARTS, Decimal(history.cover))],
                        benefit.waiting_days,
                        benefit.excess_amount,
                        benefit.excess_per_cent,
                    )
                },
                owed=due,
            ),
            history,
            office.do("GET", f"{desk.path}/detail")["benefits"][0]["id"],
            due,
        )
        if history.is_paid:
            body = {
                "payment_date": STARTS.isoformat(),
                "payment_reference": f"EFT of {desk.path[-12:]}",
                "amount": str(due),
            }
            office.do("POST", f"{desk.path}/payments", body)
            telling.insured.owed = ZERO
        paid = "paid" if history.is_paid else "not paid"
        telling.sentences.append(f"{STARTS}: sold {article.class_code} {history.cover}, {paid}")
    for act in history.acts:
        day = telling.insured.today + timedelta(days=act.wait)
        telling.insured.today = min(day, STARTS + timedelta(days=300))
        with on(telling.insured.today):
            _DO[act.kind](telling, act)
    with on(telling.insured.today):
        telling.check()
        for place in range(len(telling.insured.claims)):
            telling.check_claim(place)
    return telling


def _of(amount: str, most: Decimal) -> Decimal:
    part = {
        "all": most,
        "half": most / 2,
        "a third": most / 3,
        "a cent more": most + D("0.01"),
        "much more": 2 * most + 25_000,
        "little": min(most, D("1234.56")),
        "nothing": ZERO,
    }[amount]
    return part.quantize(D("0.01"))


def _event(telling: Telling, act: Act) -> date:
    insured = telling.insured
    waits = insured.covers["MAIN"].layers_on(insured.today)[-1].waits_until
    day = {
        "today": insured.today,
        "yesterday": insured.today - timedelta(days=1),
        "the first day": STARTS,
        "the day before": STARTS - timedelta(days=1),
        "a while ago": insured.today - timedelta(days=3 * act.choice),
        "wait": waits - timedelta(days=act.choice % 2),
    }[act.event]
    return min(day, insured.today)


def _submit(telling: Telling, act: Act) -> None:
    most = telling.insured.covers["MAIN"].amount_on(telling.insured.today)
    amount = _of(act.amount, most) or D("100.00")
    event, cause = _event(telling, act), act.cause
    if not telling.history.article.is_life:
        cause = "FIRE" if cause in ("ACCIDENT", "NATURAL") else cause
    payees = [
        {"name": f"Payee {number}", "share": str(one)}
        for number, one in enumerate(telling.history.shares, 1)
    ]
    body = {
        "claim_type": telling.history.article.benefit_type,
        "event_date": event.isoformat(),
        "benefit_claims": [
            {"policy_benefit_id": telling.benefit_id, "claimed_amount": str(amount)}
        ],
        "payees": payees,
    } | ({"cause": cause} if cause else {})
    answer = telling.desk.ask("POST", "/claims", body)
    done = telling.both(
        f"{amount} claimed for {event}, {cause}",
        lambda: telling.insured.submit("MAIN", amount, event, cause or "UNKNOWN"),
        answer,
    )
    if done is None:
        return
    item = answer.body["items"][0]["id"]
    telling.ids.append({"claim_id": answer.body["claim_id"], "item": item, "payments": []})
    telling.check_claim(len(telling.ids) - 1)


def _choose(telling: Telling, act: Act, statuses: tuple[str, ...]) -> tuple[int, Claim] | None:
    claims = list(enumerate(telling.insured.claims))
    liked = [one for one in claims if one[1].status in statuses]
    chosen = liked if liked and act.choice % 6 else claims
    return chosen[act.choice % len(chosen)] if chosen else None


def _assess(telling: Telling, act: Act) -> None:
    chosen = _choose(telling, act, OPEN)
    if chosen is None:
        return _submit(telling, act)
    place, claim = chosen
    amount = _of(act.amount, claim.payable or claim.claimed)
    cause = "ACCIDENT" if act.choice % 4 == 0 and telling.history.article.is_life else None
    body = {
        "benefit_assessments": [
            {
                "claim_benefit_item_id": telling.ids[place]["item"],
                "approved_amount": str(amount),
                "decision_reason": "WITHIN_TERMS" if amount else "NO_PROOF",
            }
        ],
        "documents_waived": True,
        "waiver_reason": "seen elsewhere",
    } | ({"cause": cause} if cause else {})
    answer = telling.office.ask("PUT", f"/claims/{telling.ids[place]['claim_id']}/assess", body)
    done = telling.both(
        f"claim {place + 1}: {amount} approved{', an accident' if cause else ''}",
        lambda: telling.insured.assess(telling.insured.claims[place], amount, cause),
        answer,
    )
    if done:
        telling.check_claim(place)
    return None


def _pay(telling: Telling, act: Act) -> None:
    chosen = _choose(telling, act, PAYABLE)
    if chosen is None:
        return _submit(telling, act)
    place, claim = chosen
    amount = _of(act.amount, claim.approved - claim.paid) or D("0.01")
    telling.number += 1
    body = {
        "payment_reference": f"PAY {telling.number} of {telling.desk.path[-12:]}",
        "benefit_payments": [
            {"claim_benefit_item_id": telling.ids[place]["item"], "paid_amount": str(amount)}
        ],
    }
    path = f"/claims/{telling.ids[place]['claim_id']}/pay"
    answer = telling.office.ask("POST", path, body, client=telling.office.checker)
    if not answer.is_refusal and answer.body["approval_id"]:
        approval = answer.body["approval_id"]
        agreed = telling.office.ask("POST", f"/approvals/{approval}/approve", {})
        assert not agreed.is_refusal, agreed.words
    payment = telling.both(
        f"claim {place + 1}: {amount} paid",
        lambda: telling.insured.pay(telling.insured.claims[place], amount),
        answer,
    )
    if payment is None:
        return None
    made = [
        one
        for one in telling.office.do("GET", path.removesuffix("/pay"))["payments"]
        if one["id"] not in telling.ids[place]["payments"]
    ]
    telling.ids[place]["payments"] += [one["id"] for one in made]
    _check_parts(telling, payment, made)
    telling.check_claim(place)
    return None


def _check_parts(telling: Telling, payment: Payment, made: list[dict[str, Any]]) -> None:
    made.sort(key=lambda one: one["payee_name"])
    shares = list(telling.history.shares)
    parts = {
        name: [Decimal(one[name]) for one in made]
        for name in ("gross_amount", "arrears_deducted", "net_amount")
    }
    if len(made) < len(shares):  # A share of less than a cent is nobody's payment.
        shares = shares[: len(made)] if payment.gross < D("0.10") else shares
        if sum(parts["gross_amount"], ZERO) == payment.gross and payment.gross < D("0.10"):
            return
    if len(made) != len(shares) or not parts_are_right(
        payment.gross, shares, parts["gross_amount"]
    ):
        telling.fail(
            f"{payment.gross} by {shares} is paid as {[str(one) for one in parts['gross_amount']]}"
        )
    if sum(parts["arrears_deducted"], ZERO) != payment.deducted:
        telling.fail(f"{payment.deducted} should be kept back, not {parts['arrears_deducted']}")
    for one in made:
        if one["net_amount"] != one["gross_amount"] - one["arrears_deducted"]:
            telling.fail(f"what is kept back does not add up: {one}")


def _void(telling: Telling, act: Act) -> None:
    paid = [
        (place, claim)
        for place, claim in enumerate(telling.insured.claims)
        if any(not one.is_void for one in claim.payments)
    ]
    if not paid or len(telling.history.shares) > 1 or telling.insured.owed:
        return _pay(telling, act)
    place, claim = paid[act.choice % len(paid)]
    number = next(n for n, one in enumerate(claim.payments) if not one.is_void)
    path = f"/claim-payments/{telling.ids[place]['payments'][number]}/void"
    answer = telling.office.ask(
        "POST", path, {"reason": "came back"}, client=telling.office.checker
    )
    telling.both(
        f"claim {place + 1}: payment {number + 1} came back",
        lambda: telling.insured.void(
            telling.insured.claims[place], telling.insured.claims[place].payments[number]
        ),
        answer,
    )
    telling.check_claim(place)
    return None


def _reopen(telling: Telling, act: Act) -> None:
    chosen = _choose(telling, act, ("REJECTED", "PARTIALLY_APPROVED", "CLOSED", "PAID"))
    if chosen is None:
        return _submit(telling, act)
    place = chosen[0]
    path = f"/claims/{telling.ids[place]['claim_id']}/reopen"
    answer = telling.office.ask("POST", path, {"reason": "new papers"})
    done = telling.both(
        f"claim {place + 1} opened again",
        lambda: telling.insured.reopen(telling.insured.claims[place]),
        answer,
    )
    if done:
        telling.check_claim(place)
    return None


def _close(telling: Telling, act: Act) -> None:
    chosen = _choose(telling, act, (*OPEN, *PAYABLE))
    if chosen is None or chosen[1].status not in (*OPEN, *PAYABLE):
        return _submit(telling, act)  # Closing what is settled changes no money.
    place = chosen[0]
    path = f"/claims/{telling.ids[place]['claim_id']}/close"
    answer = telling.office.ask("POST", path, {"reason": "no papers came"})
    done = telling.both(
        f"claim {place + 1} closed",
        lambda: telling.insured.close(telling.insured.claims[place]),
        answer,
    )
    if done:
        telling.check_claim(place)
    return None


def _change_cover(telling: Telling, act: Act) -> None:
    covers = telling.history.article.covers
    amount = Decimal(covers[act.choice % len(covers)])
    insured = telling.insured
    if insured.covers["MAIN"].amount_on(insured.today) == amount or insured.owed:
        return _submit(telling, act)
    body = {
        "endorsement_type": "CHANGE_COVER",
        "policy_benefit_id": telling.benefit_id,
        "new_sum_assured": str(amount),
        "effective_date": insured.today.isoformat(),
    }
    answer = telling.desk.ask("POST", "/endorse", body)
    telling.both(f"cover {amount}", lambda: telling.insured.change_cover("MAIN", amount), answer)
    return None


def _suspend(telling: Telling, act: Act) -> None:
    answer = telling.desk.ask("PUT", "/suspend", {"reason": "asked for"})
    telling.both("suspended", lambda: telling.insured.suspend(), answer)


def _reinstate(telling: Telling, act: Act) -> None:
    if not telling.insured.is_suspended or telling.insured.owed:
        return _submit(telling, act)
    body = {"reason": "asked for", "arrears_paid": True, "medical_clearance": True}
    answer = telling.desk.ask("PUT", "/reinstate", body)
    telling.both("reinstated", lambda: telling.insured.reinstate(), answer)
    return None


_DO: dict[str, Callable[[Telling, Act], None]] = {
    "submit": _submit,
    "assess": _assess,
    "pay": _pay,
    "void": _void,
    "reopen": _reopen,
    "close": _close,
    "change cover": _change_cover,
    "suspend": _suspend,
    "reinstate": _reinstate,
}


def agree(office: Office, article: Article) -> None:
    """Hold product and model together over random histories of claims on a product."""

    @settings(
        max_examples=HISTORIES // 10,
        deadline=None,
        derandomize=not IS_LONG,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(history=claim_histories(article, 16 if IS_LONG else 9))
    def holds(history: ClaimHistory) -> None:
        tell(office, history)

    holds()
