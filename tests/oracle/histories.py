"""Histories of a policy, told to the model and to the product alike, and compared after each step."""

import os
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.oracle.calendar_and_cents import MONTHS, ZERO, months_after
from tests.oracle.catalogue import Article
from tests.oracle.comparing import compare
from tests.oracle.invariants import broken
from tests.oracle.model import Line, Policy, Refused, Step
from tests.oracle.office import Answer, Desk, Office, on, word

HISTORIES = int(os.environ.get("HISTORIES", "500"))
IS_LONG = "HISTORIES" in os.environ
PARTS = 5
"""Test files that share the histories, so that several workers can."""

WAITS = (
    "not",
    "a day",
    "a week",
    "to the day before the next due date",
    "to the next due date",
    "to the day after the next due date",
    "two months",
    "to the last day of grace",
    "to the day grace is over",
)
AMOUNTS = ("what is due", "a part", "a cent more", "the next premium too", "twice over", "odd")
ACTS = (
    "pay",
    "pay",
    "pay a line",
    "change cover",
    "change cover",
    "backdate",
    "add a life",
    "add a life",
    "remove a life",
    "change frequency",
    "change due day",
    "undo",
    "reverse",
    "suspend",
    "reinstate",
    "lapse",
    "waive",
    "refund",
    "renew",
    "cancel",
)
_MOVES = ("suspend", "reinstate", "lapse", "renew", "undo")
"""Steps after which the whole page is read; an endorsement and an end say themselves what they did."""

KINDS = ("VOLUNTARY", "VOLUNTARY", "VOLUNTARY", "FRAUD", "NON_PAYMENT", "LAPSE", "OTHER", "OTHER")
NOTICES = (32, 32, 33, 60, 31, 1, None)
"""How many days before its end the insurer gave notice of it; None: never."""
DUE_DAYS = (1, 5, 15, 20, 25, 27, 28, 29, 30, 31)


@dataclass(frozen=True)
class Act:
    """A wait and then a step; the numbers choose among what is possible when it comes."""

    wait: str
    kind: str
    choice: int
    amount: str


@dataclass(frozen=True)
class History:
    """A sale and what came after it."""

    article: Article
    cover: int
    frequency: str
    issued: date
    start: date
    acts: tuple[Act, ...]


_DAYS = st.one_of(
    st.sampled_from(
        [
            date(2026, 1, 31),
            date(2026, 2, 27),
            date(2026, 2, 28),
            date(2026, 3, 29),
            date(2026, 8, 30),
            date(2027, 12, 31),
            date(2028, 2, 29),
            date(2028, 1, 31),
        ]
    ),
    st.dates(date(2026, 1, 1), date(2028, 3, 1)),
)

_ACTS = st.builds(
    Act,
    wait=st.sampled_from(WAITS),
    kind=st.sampled_from(ACTS),
    choice=st.integers(0, 11),
    amount=st.sampled_from(AMOUNTS),
)


@st.composite
def histories(draw: st.DrawFn, articles: tuple[Article, ...], *, most: int) -> History:
    """Draw a history of at most so many steps about one of some products."""
    article = draw(st.sampled_from(articles))
    issued = draw(_DAYS)
    return History(
        article=article,
        cover=draw(st.sampled_from(article.covers)),
        frequency=draw(st.sampled_from(tuple(MONTHS))),
        issued=issued,
        start=issued - timedelta(days=draw(st.sampled_from((0, 0, 0, 1, 10, 29)))),
        acts=tuple(draw(st.lists(_ACTS, min_size=1, max_size=most))),
    )


def agree(office: Office, articles: tuple[Article, ...]) -> None:
    """Hold product and model together over random histories of some products."""

    @settings(
        max_examples=HISTORIES // PARTS,
        deadline=None,
        derandomize=not IS_LONG,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(history=histories(articles, most=10 if IS_LONG else 4))
    def holds(history: History) -> None:
        tell(office, history)

    holds()


class Difference(AssertionError):
    """The product and the model differ; the message tells the history."""


@dataclass
class Telling:
    """A history as it is told: the model, the product, and the sentences so far."""

    office: Office
    history: History
    policy: Policy
    desk: Desk
    sentences: list[str] = field(default_factory=list)
    before_change: tuple[str, Policy, date] | None = None
    number: int = 0
    benefit_ids: dict[str, str] = field(default_factory=dict)
    line_ids: dict[tuple[str, str], str] = field(default_factory=dict)
    lives: dict[str, str] = field(default_factory=dict)
    """By the code of its benefit, the first name of a life that was added."""

    @property
    def today(self) -> date:
        """Return the day it is."""
        return self.policy.today

    def reference(self, word: str) -> str:
        """Return a reference that no other payment at the office has."""
        return f"{word} {self.number} of {self.desk.path[-12:]}"

    def say(self, words: str) -> None:
        """Add a business step to what is printed when something differs."""
        self.sentences.append(f"{self.today}: {words}")

    def fail(self, words: str) -> None:
        """Stop with the history and the first thing that differs."""
        told = "\n".join(f"  {place}. {one}" for place, one in enumerate(self.sentences, 1))
        raise Difference(f"\n{told}\n  => {words}")

    def check(self, *, whole: bool = True) -> None:
        """Compare everything that the product shows with the model."""
        seen = self.desk.look(whole=whole)
        self.line_ids = {(one["kind"], one["due_date"]): one["id"] for one in seen.lines}
        if whole:
            benefits = seen.detail["benefits"]
            self.benefit_ids = {one["benefit_code"]: one["id"] for one in benefits}
        for line in self.policy.lines:
            line.is_charged = line.kind == "PREMIUM" and line.due in seen.posted
        difference = compare(self.policy, seen) or broken(seen.transfers)
        if difference:
            self.fail(difference)

    def both(self, words: str, act: Any, answer: Answer) -> Any:
        """Let the model do what the product was asked, and hold that both do or both refuse."""
        kept = deepcopy(self.policy)
        try:
            result = act()
        except Refused as why:
            self.policy = kept
            self.say(f"{words} (refused)")
            if not answer.is_refusal:
                self.fail(f"should be refused, since {why}; the product did it: {answer.body}")
            return None
        self.say(words)
        if answer.is_refusal:
            self.fail(f"should be done; the product refuses: {answer.status} {answer.words}")
        return result


def tell(office: Office, history: History) -> Telling:
    """Tell a whole history and compare after each step."""
    telling = begin(office, history)
    for place, act in enumerate(history.acts, 1):
        step(telling, act, is_last=place == len(history.acts))
    return telling


def begin(office: Office, history: History) -> Telling:
    """Sell the policy."""
    article, terms = history.article, history.article.terms
    with on(history.issued):
        desk = office.sell(article, history.cover, history.frequency, history.start)
        policy = Policy(
            terms=terms,
            frequency=history.frequency,
            start=history.start,
            today=history.issued,
            issued=history.issued,
            steps=[
                Step(
                    history.start,
                    number,
                    one.code,
                    one.fixed_amount if one.fixed_amount else Decimal(history.cover),
                )
                for number, one in enumerate(terms.benefits)
                if one.role == "MAIN_MEMBER"
            ],
            term_start=history.start,
            expiry=months_after(history.start, 12 * terms.term_years),
        )
        policy.extend(months_after(history.start, 12))
        telling = Telling(office, history, policy, desk)
        telling.say(
            f"sold {article.class_code}, {terms.keeps}, {history.frequency},"
            f" cover {history.cover}, from {history.start}"
        )
        telling.check()
    return telling


def step(telling: Telling, act: Act, *, is_last: bool) -> None:
    """Wait, act and compare."""
    day = _after(telling.policy, act.wait)
    if day != telling.today:
        telling.before_change = None
    telling.policy.pass_to(day)
    with on(day):
        do, before = _DO[act.kind], telling.office.asked
        do(telling, act)
        if telling.office.asked == before and not is_last:
            return  # Nothing was asked for, so nothing is read.
        telling.check(whole=is_last or act.kind in _MOVES)


def _after(policy: Policy, wait: str) -> date:
    today = policy.today
    later = [one.due for one in policy.lines if one.kind == "PREMIUM" and one.due > today]
    due = min(later, default=today + timedelta(days=20))
    lapses = policy.lapse_date or due
    day = {
        "not": today,
        "a day": today + timedelta(days=1),
        "a week": today + timedelta(days=7),
        "to the day before the next due date": due - timedelta(days=1),
        "to the next due date": due,
        "to the day after the next due date": due + timedelta(days=1),
        "two months": months_after(today, 2),
        "to the last day of grace": lapses - timedelta(days=1),
        "to the day grace is over": lapses,
    }[wait]
    last = min(months_after(policy.term_start, 12), policy.expiry) - timedelta(days=1)
    return max(today, min(day, last))


# ---- steps ---------------------------------------------------------------------------------


def _amount(policy: Policy, act: Act) -> Decimal:
    due = policy.arrears
    ahead = next(
        (one.outstanding for one in policy.lines if one.is_open and one.due > policy.today), ZERO
    )
    amount = {
        "what is due": due or ahead,
        "a part": (due or ahead) / 3,
        "a cent more": (due or ahead) + Decimal("0.01"),
        "the next premium too": due + ahead,
        "twice over": 2 * (due + ahead),
        "odd": Decimal("123.45") + act.choice,
    }[act.amount]
    return max(Decimal("1.00"), amount.quantize(Decimal("0.01")))


def _pay(telling: Telling, act: Act) -> None:
    amount = _amount(telling.policy, act)
    telling.number += 1
    reference = telling.reference("EFT")
    body = {
        "payment_date": telling.today.isoformat(),
        "payment_reference": reference,
        "amount": str(amount),
        "amount_is_right": True,
    }
    answer = telling.desk.ask("POST", "/payments", body)
    telling.both(
        f"{amount} paid, {reference}", lambda: telling.policy.pay(amount, reference), answer
    )
    telling.before_change = None


def _pay_line(telling: Telling, act: Act) -> None:
    found = [one for one in telling.policy.lines if one.is_open and one.kind == "PREMIUM"]
    if not found or telling.policy.ended_on:
        return _pay(telling, act)
    line = found[act.choice % min(3, len(found))]
    amount = _amount(telling.policy, act)
    telling.number += 1
    reference = telling.reference("EFT")
    body = {
        "payment_date": telling.today.isoformat(),
        "payment_reference": reference,
        "amount": str(amount),
        "amount_is_right": True,
    }
    answer = telling.desk.ask("POST", f"/premiums/{_id_of(telling, line)}/pay", body)
    telling.both(
        f"{amount} paid for the premium of {line.due}, {reference}",
        lambda: telling.policy.pay(amount, reference, telling.policy.lines[_place(telling, line)]),
        answer,
    )
    telling.before_change = None
    return None


def _place(telling: Telling, line: Line) -> int:
    return next(place for place, one in enumerate(telling.policy.lines) if one is line)


def _id_of(telling: Telling, line: Line) -> str:
    return telling.line_ids[line.kind, line.due.isoformat()]


def _change(telling: Telling, act: Act, effective: date | None = None) -> None:
    policy = telling.policy
    effective = effective or telling.today
    article = telling.history.article
    cover = Decimal(article.covers[act.choice % len(article.covers)])
    code = article.terms.benefits[0].code
    if policy.cover_on(effective) == cover:
        cover = Decimal(article.covers[(act.choice + 1) % len(article.covers)])
    body = {
        "endorsement_type": "CHANGE_COVER",
        "policy_benefit_id": telling.benefit_ids[code],
        "new_sum_assured": str(cover),
    }
    words = f"cover {policy.cover_on(effective)} -> {cover} from {effective}"
    _endorse(
        telling,
        act,
        body,
        effective,
        words,
        lambda: telling.policy.change({code: cover}, effective),
    )


def _endorse(
    telling: Telling,
    act: Act,
    body: dict[str, Any],
    effective: date,
    words: str,
    change: Callable[[], Any],
) -> bool:
    """Ask for a change, hold the preview to what is posted, and both to the model."""
    policy = telling.policy
    body |= {"effective_date": effective.isoformat(), "reason": "asked for"}
    preview = telling.desk.ask("POST", "/endorse/preview", body) if act.choice % 3 == 0 else None
    answer = telling.desk.ask("POST", "/endorse", body)
    before = deepcopy(policy)
    adjustment = telling.both(words, change, answer)
    if adjustment is None:
        return False
    policy = telling.policy
    telling.before_change = (answer.body["endorsement_id"], before, telling.today)
    for name in ("adjustment", "new_premium", "new_cover", "next_debits", "days_left"):
        if preview is not None and preview.body.get(name) != answer.body[name]:
            telling.fail(
                f"preview says {name} {preview.body.get(name)}, posted {answer.body[name]}"
            )
    right = {
        "adjustment": adjustment,
        "new_premium": policy.monthly_on(max(effective, policy.today)),
        "new_cover": policy.cover_on(max(effective, policy.today)),
    }
    for name, amount in right.items():
        if Decimal(answer.body[name]) != amount:
            telling.fail(f"{name} should be {amount}, the product says {answer.body[name]}")
    return True


def _add_life(telling: Telling, act: Act) -> None:
    policy = telling.policy
    insured = policy.sums_on(policy.expiry)
    roles = [one.code for one in policy.terms.benefits if one.role != "MAIN_MEMBER"]
    role = "CHILD" if "SPOUSE" in insured or act.choice % 2 else "SPOUSE"
    if role not in roles or telling.policy.ended_on:
        return _change(telling, act)
    telling.number += 1
    code = f"{role}:{telling.number}" if role == "CHILD" else role
    name = word(next(_names) * 6151)
    body = {
        "endorsement_type": "ADD_MEMBER",
        "member_role": role,
        "first_name": name,
        "last_name": word(telling.number + 77),
        "date_of_birth": "1992-03-03" if role == "SPOUSE" else "2014-08-15",
        "gender": "FEMALE",
    }
    effective = telling.today
    if act.amount == "odd":
        effective = max(policy.term_start, telling.today - timedelta(days=act.choice))
    amount = policy.benefit(code).fixed_amount or ZERO
    if _endorse(
        telling,
        act,
        body,
        effective,
        f"{role.lower()} {name} added from {effective}",
        lambda: telling.policy.change({code: amount}, effective),
    ):
        telling.lives[code] = name
    return None


def _remove_life(telling: Telling, act: Act) -> None:
    lives = [one for one in telling.policy.sums_on(telling.today) if one in telling.lives]
    if not lives or telling.policy.ended_on:
        return _add_life(telling, act)
    code = lives[act.choice % len(lives)]
    name = telling.lives[code]
    members = telling.desk.office.do("GET", f"{telling.desk.path}/detail")["members"]
    member = next(one["id"] for one in members if one["first_name"] == name)
    _endorse(
        telling,
        act,
        {"endorsement_type": "REMOVE_MEMBER", "policy_member_id": member},
        telling.today,
        f"{name} removed",
        lambda: telling.policy.change({code: None}, telling.today),
    )
    return None


def _change_frequency(telling: Telling, act: Act) -> None:
    frequency = tuple(MONTHS)[act.choice % len(MONTHS)]
    _endorse(
        telling,
        act,
        {"endorsement_type": "CHANGE_FREQUENCY", "frequency": frequency},
        telling.today,
        f"to be paid {frequency}",
        lambda: telling.policy.change_rhythm(telling.today, frequency=frequency),
    )


def _change_due_day(telling: Telling, act: Act) -> None:
    day = DUE_DAYS[(act.choice + AMOUNTS.index(act.amount)) % len(DUE_DAYS)]
    _endorse(
        telling,
        act,
        {"endorsement_type": "CHANGE_PREMIUM_DUE_DAY", "due_day": day},
        telling.today,
        f"due day {day}",
        lambda: telling.policy.change_rhythm(telling.today, day=day),
    )


_names = count(1)


def _backdate(telling: Telling, act: Act) -> None:
    days = (1, 5, 12, 28, 30, 31)[act.choice % 6]
    effective = max(telling.policy.term_start, telling.today - timedelta(days=days))
    code = telling.policy.terms.benefits[0].code
    if any(one.code == code and one.effective > effective for one in telling.policy.steps):
        return
    _change(telling, act, effective)


def _undo(telling: Telling, act: Act) -> None:
    if telling.before_change is None:
        return
    endorsement, before, _day = telling.before_change
    answer = telling.office.ask("POST", f"/endorsements/{endorsement}/undo", {})

    def undo() -> None:
        telling.policy = before

    telling.both("that change undone", undo, answer)
    telling.before_change = None


def _reverse(telling: Telling, act: Act) -> None:
    policy = telling.policy
    found = [
        (one.reference, line)
        for one in policy.receipts
        if one.is_money and not one.is_reversed
        for line in policy.lines
        if line.paid.get(one.reference)
    ]
    if not found or policy.refunds_paid:
        # What was paid back is gone, and semantics.md is silent on whose loss it is.
        return
    reference, line = found[act.choice % len(found)]
    body = {"reason_code": "02", "reference": reference}
    answer = telling.desk.ask("POST", f"/premiums/{_id_of(telling, line)}/reverse", body)
    telling.both(f"{reference} reversed", lambda: telling.policy.reverse(reference), answer)
    telling.before_change = None


def _suspend(telling: Telling, act: Act) -> None:
    answer = telling.desk.ask("PUT", "/suspend", {"reason": "asked for"})
    telling.both("suspended", lambda: telling.policy.suspend(), answer)
    telling.before_change = None


def _reinstate(telling: Telling, act: Act) -> None:
    medical = act.choice % 2 == 0
    body = {"reason": "asked for", "arrears_paid": True, "medical_clearance": medical}
    answer = telling.desk.ask("PUT", "/reinstate", body)
    telling.both("reinstated", lambda: telling.policy.reinstate(medical=medical), answer)
    telling.before_change = None


def _lapse(telling: Telling, act: Act) -> None:
    answer = telling.desk.ask("PUT", "/lapse", {"reason": "not paid"})
    telling.policy.hold_off_lapse()
    telling.both("lapsed", lambda: telling.policy.lapse(), answer)
    telling.before_change = None


def _waive(telling: Telling, act: Act) -> None:
    found = [one for one in telling.policy.open_lines(telling.today) if one.kind == "PREMIUM"]
    if not found or telling.policy.ended_on:
        return
    place = _place(telling, found[0])
    line = f"{_id_of(telling, found[0])}"
    answer = telling.desk.ask("POST", f"/premiums/{line}/waive", {"reason": "kindness"})
    telling.both(
        f"the premium of {found[0].due} waived",
        lambda: telling.policy.waive(telling.policy.lines[place]),
        answer,
    )
    telling.before_change = None


def _refund(telling: Telling, act: Act) -> None:
    most = telling.policy.refundable
    amount = (most, most / 2, most + Decimal("0.01"))[act.choice % 3].quantize(Decimal("0.01"))
    if amount <= 0:
        amount = Decimal("0.01")
    telling.number += 1
    body = {"reason": "asked for", "amount": str(amount), "reference": telling.reference("REF")}
    answer = telling.desk.ask("POST", "/refunds", body)
    telling.both(f"{amount} paid back", lambda: telling.policy.refund(amount), answer)
    telling.before_change = None


def _renew(telling: Telling, act: Act) -> None:
    answer = telling.desk.ask("PUT", "/renew", {})
    telling.both("renewed", lambda: telling.policy.renew(), answer)
    telling.before_change = None


def _cancel(telling: Telling, act: Act) -> None:
    kind = KINDS[act.choice % len(KINDS)]
    effective, noticed = _end(telling.policy, act), None
    body = {
        "cancellation_type": kind,
        "reason": "asked for",
        "effective_date": effective.isoformat(),
    }
    words = f"cancelled, {kind}, from {effective}"
    if kind == "OTHER":
        before = NOTICES[(act.choice + AMOUNTS.index(act.amount)) % len(NOTICES)]
        if before is not None:
            noticed = effective - timedelta(days=before)
            body |= {"notice_sent_on": noticed.isoformat(), "notice_evidence": "RM 1"}
        words += f", notice given on {noticed}"
    preview = telling.desk.ask("POST", "/cancel/preview", body)
    answer = telling.desk.ask("PUT", "/cancel", body)
    if kind in ("NON_PAYMENT", "LAPSE"):
        telling.policy.hold_off_lapse()
    ending = telling.both(
        words,
        lambda: telling.policy.cancel(kind, effective, noticed),
        answer,
    )
    telling.before_change = None
    if ending is None:
        return
    if Decimal(preview.body["refund"]) != Decimal(answer.body["refund"]):
        telling.fail(f"preview says refund {preview.body}, posted {answer.body}")
    seen = {name: Decimal(answer.body[name]) for name in ("refund", "retained", "arrears")}
    right = {"refund": ending.refund, "retained": ending.kept, "arrears": ending.owed}
    for name, value in right.items():
        if seen[name] != value:
            telling.fail(
                f"{name} should be {value} (earned {ending.earned}, kept {ending.kept}, cash"
                f" {telling.policy.cash}), the product says {seen[name]}"
            )


def _end(policy: Policy, act: Act) -> date:
    """Return the first day without cover: today, before it, from the start, or a day to come."""
    due = min((one.due for one in policy.lines if one.due > policy.today), default=policy.today)
    day = {
        "a part": policy.today - timedelta(days=1 + act.choice),
        "a cent more": policy.start,
        "the next premium too": due,
        "twice over": min(due, policy.today + timedelta(days=3)),
    }.get(act.amount, policy.today)
    return max(policy.start - timedelta(days=act.choice == 11), day)


_DO = {
    "pay": _pay,
    "pay a line": _pay_line,
    "change cover": _change,
    "backdate": _backdate,
    "add a life": _add_life,
    "remove a life": _remove_life,
    "change frequency": _change_frequency,
    "change due day": _change_due_day,
    "undo": _undo,
    "reverse": _reverse,
    "suspend": _suspend,
    "reinstate": _reinstate,
    "lapse": _lapse,
    "waive": _waive,
    "refund": _refund,
    "renew": _renew,
    "cancel": _cancel,
}
