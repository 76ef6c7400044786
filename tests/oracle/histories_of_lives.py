"""Histories of deaths in a family, told to the model and to the product, and compared."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.oracle.calendar_and_cents import ZERO, months_after
from tests.oracle.catalogue import Article
from tests.oracle.claims_model import OPEN, PAYABLE, Claim, Cover
from tests.oracle.comparing import compare
from tests.oracle.histories import HISTORIES, IS_LONG, Difference
from tests.oracle.lives_model import MAIN, Family, FamilyPolicy, life_of
from tests.oracle.model import Benefit, Refused, Step, Terms
from tests.oracle.office import Answer, Desk, Office, Seen, on, word

D = Decimal


def _family(class_code: str, benefit_type: str, extra: str, way: str, months: int = 0) -> Article:
    benefits = (
        Benefit("MAIN", per_mille=D("0.5237"), waiting_days=90),
        Benefit("EXTRA", flat=D("37.45"), fixed_amount=D(extra), waiting_days=90),
        Benefit(
            "SPOUSE", per_mille=D("0.7301"), role="SPOUSE", per_cent_of_main=D(50), waiting_days=90
        ),
        Benefit("CHILD", flat=D("4.15"), role="CHILD", fixed_amount=D("10000.00"), waiting_days=30),
    )
    return Article(
        class_code,
        benefit_type,
        Terms(
            benefits=benefits,
            medical_after_days=None if class_code == "FUNERAL" else 90,
        ),
        covers=(20_000, 33_333, 61_250, 80_000),
        main_death=way,
        free_months=months,
    )


FUNERAL = (
    _family("FUNERAL", "FUNERAL", "5000.00", "BY_CLASS"),
    _family("FUNERAL", "FUNERAL", "5000.00", "END"),
    _family("FUNERAL", "FUNERAL", "5000.00", "PREMIUM_FREE", 6),
)
RISK = (
    _family("RISK", "DEATH", "15000.00", "BY_CLASS"),
    _family("RISK", "DEATH", "15000.00", "CONTINUE"),
    _family("RISK", "DEATH", "15000.00", "PREMIUM_FREE", 3),
)
ENDS, CONTINUES = RISK[0], RISK[1]
STARTS = date(2026, 1, 31)
WAITS = (0, 0, 0, 1, 7, 14, 31, 61)
FAMILIES = (("SPOUSE",), ("SPOUSE", "CHILD:1"), ("SPOUSE", "CHILD:1", "CHILD:2"), ("CHILD:1",), ())
EVENTS = ("today", "yesterday", "yesterday", "a while ago", "a while ago", "the day before", "wait")
CAUSES = ("ACCIDENT", "ACCIDENT", "ACCIDENT", "NATURAL", "UNKNOWN", None)
AMOUNTS = ("all", "all", "all", "half", "a cent more", "nothing")
ACTS = (
    *("submit",) * 4,
    *("assess",) * 4,
    *("pay",) * 4,
    *("undo",) * 2,
    "add a child",
    "lapse",
    "cancel",
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
    is_paid_up: bool


@dataclass(frozen=True)
class FamilyHistory:
    """A policy, those it was sold for, and who died of them."""

    article: Article
    cover: int
    lives: tuple[str, ...]
    acts: tuple[Act, ...]


_ACTS = st.builds(
    Act,
    wait=st.sampled_from(WAITS),
    kind=st.sampled_from(ACTS),
    choice=st.integers(0, 11),
    amount=st.sampled_from(AMOUNTS),
    event=st.sampled_from(EVENTS),
    cause=st.sampled_from(CAUSES),
    is_paid_up=st.sampled_from((True, True, True, False)),
)


@st.composite
def families(draw: st.DrawFn, articles: tuple[Article, ...], most: int) -> FamilyHistory:
    """Draw a family and at most so many steps."""
    article = draw(st.sampled_from(articles))
    return FamilyHistory(
        article=article,
        cover=draw(st.sampled_from(article.covers)),
        lives=draw(st.sampled_from(FAMILIES)),
        acts=tuple(draw(st.lists(_ACTS, min_size=4, max_size=most))),
    )


@dataclass
class Telling:
    """A history of a family as it is told."""

    office: Office
    desk: Desk
    family: Family
    history: FamilyHistory
    names: dict[str, str] = field(default_factory=dict)
    """The first name of each life."""
    ids: list[dict[str, Any]] = field(default_factory=list)
    died: dict[str, date] = field(default_factory=dict)
    """The day on which each life is said to have died."""
    sentences: list[str] = field(default_factory=list)
    is_in_sum: bool = False
    """Whether money is compared in its sum: after an undoing its lines may be others."""
    number: int = 0

    def fail(self, words: str) -> None:
        """Stop with the history and the first thing that differs."""
        told = "\n".join(f"  {place}. {one}" for place, one in enumerate(self.sentences, 1))
        raise Difference(f"\n{told}\n  => {words}")

    def both(self, words: str, act: Callable[[], Any], answer: Answer) -> Any:
        """Let the model do what the product was asked, and hold that both do or both refuse."""
        kept = deepcopy(self.family)
        words = f"{self.family.today}: {words}"
        try:
            result = act()
        except Refused as why:
            self.family = kept
            self.sentences.append(f"{words} (refused)")
            if not answer.is_refusal:
                self.fail(f"should be refused, since {why}; the product did it: {answer.body}")
            return None
        self.sentences.append(words)
        if answer.is_refusal:
            self.fail(f"should be done; the product refuses: {answer.status} {answer.words}")
        return result if result is not None else True

    def check(self) -> None:
        """Compare the contract, its lives, its money, and the accounts of claims."""
        seen, family = self.desk.look(whole=True), self.family
        reserved = sum((one.reserve for one in family.claims), ZERO)
        paid = sum((one.paid for one in family.claims), ZERO)
        for account, right in {
            "OUTSTANDING_CLAIMS": -reserved,
            "CLAIMS_INCURRED": reserved + paid,
        }.items():
            said = seen.balances.get(account, ZERO)
            if said != right:
                self.fail(f"{account} should be {right}, the product says {said}")
        self._check_lives(seen)
        # A premium kept back of a claim came in: the model has it among the receipts.
        seen.balances["BANK"] = seen.balances.get("BANK", ZERO) + paid
        _mark(family.policy, seen)
        difference = _in_sum(family.policy, seen) if self.is_in_sum else None
        difference = difference if self.is_in_sum else compare(family.policy, seen)
        if difference:
            self.fail(difference)

    def _check_lives(self, seen: Seen) -> None:
        policy = self.family.policy
        if policy.status != seen.detail["policy"]["status"]:
            self.fail(f"status should be {policy.status}, is {seen.detail['policy']['status']}")
        if policy.ended_on is not None:
            return
        sums, prices = policy.sums_on(policy.today), policy.prices_on(policy.today)
        right = sorted((self.names[life_of(code)], sums[code], prices[code]) for code in sums)
        said = sorted(
            (one["member_name"].split()[0], Decimal(one["sum_assured"]), Decimal(one["premium"]))
            for one in seen.detail["benefits"]
            if one["status"] == "ACTIVE"
        )
        if right != said:
            self.fail(f"insured should be {right}, the product says {said}")

    def check_claim(self, place: int) -> None:
        """Compare a claim."""
        claim, number = self.family.claims[place], place + 1
        shown = self.office.do("GET", f"/claims/{self.ids[place]['claim_id']}")
        item, status = shown["items"][0], shown["status"]
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
        pairs |= {name: (right, Decimal(item[key])) for name, (right, key) in amounts.items()}
        for name, (right, said) in pairs.items():
            if right != said:
                self.fail(f"{name} of claim {number} should be {right}, the product says {said}")
        self._check_payees(claim, number, shown)

    def _check_payees(self, claim: Claim, number: int, shown: dict[str, Any]) -> None:
        kinds = {one["kind"] for one in shown["payees"]}
        # A benefit belongs to who holds the contract on the day of the event: a second death of
        # the main member, said of a later day, has no cover and falls to who follows.
        is_holder = life_of(claim.code) == MAIN == self.family.policy.main_on(claim.event)
        right = {"ESTATE"} if is_holder else {"HOLDER", "ESTATE"}
        if not kinds <= right:
            self.fail(f"claim {number} should be paid to {right}, the product says {kinds}")


def _mark(policy: FamilyPolicy, seen: Seen) -> None:
    """Say which premiums are charged: when the product does it is its own matter."""
    for line in policy.lines:
        line.is_charged = line.kind == "PREMIUM" and line.due in seen.posted


def _in_sum(policy: FamilyPolicy, seen: Seen) -> str | None:
    """Return how what is demanded and not covered by money differs, whatever its lines are."""
    shown = seen.detail["policy"]
    right = sum((one.outstanding for one in policy.lines if not one.is_cancelled), -policy.credit)
    through = policy.scheduled_through.isoformat()  # The product may have planned further ahead.
    said = seen.balances.get("UNAPPLIED_CREDIT", ZERO) + sum(
        (
            Decimal(one["outstanding"])
            for one in seen.lines
            if one["status"] != "CANCELLED" and one["due_date"] < through
        ),
        ZERO,
    )
    if policy.ended_on is not None:
        assert policy.ending is not None
        right = policy.ending.owed - policy.payable
        said += seen.balances.get("REFUNDS_PAYABLE", ZERO)
    pairs = {"demanded less money": (right, said)}
    if policy.ended_on is None:
        pairs["premium"] = (policy.monthly_on(policy.today), Decimal(shown["premium"]))
    pairs["BANK"] = (policy.cash, seen.balances["BANK"])
    for name, (mine, theirs) in pairs.items():
        if mine != theirs:
            return f"{name} should be {mine}, the product says {theirs}"
    return None


_names = count(1)


def begin(office: Office, history: FamilyHistory) -> Telling:
    """Sell a policy to somebody new and insure the family on the first day."""
    article, terms = history.article, history.article.terms
    with on(STARTS):
        desk = office.sell(article, history.cover, "MONTHLY", STARTS, to_new=True)
        amounts = {
            one.code: one.fixed_amount or D(history.cover)
            for one in terms.benefits
            if one.role == "MAIN_MEMBER"
        }
        policy = FamilyPolicy(
            terms=terms,
            frequency="MONTHLY",
            start=STARTS,
            today=STARTS,
            issued=STARTS,
            steps=[Step(STARTS, number, *one) for number, one in enumerate(amounts.items())],
            term_start=STARTS,
            expiry=months_after(STARTS, 12 * terms.term_years),
        )
        policy.extend(months_after(STARTS, 12))
        _mark(policy, desk.look(whole=False))
        waits = {one.code: one.waiting_days for one in terms.benefits}
        family = Family(
            start=STARTS,
            today=STARTS,
            covers={
                code: Cover([(STARTS, amount)], waits[code]) for code, amount in amounts.items()
            },
            sold=policy,
            goes_on=article.main_death in ("CONTINUE", "PREMIUM_FREE")
            or (article.main_death == "BY_CLASS" and article.class_code == "FUNERAL"),
            free_months=article.free_months,
        )
        holder = office.do("GET", f"{desk.path}/detail")["members"][0]["first_name"]
        telling = Telling(office, desk, family, history, {MAIN: holder})
        lives = ", ".join((MAIN, *history.lives))
        way = f"{article.main_death} {article.free_months or ''}"
        telling.sentences.append(
            f"{STARTS}: sold {article.class_code} {history.cover} {way} {lives}"
        )
        for life in history.lives:
            _add(telling, life)
        _pay_up(telling)
    return telling


def tell(office: Office, history: FamilyHistory) -> Telling:
    """Tell a whole history and compare after each step."""
    telling = begin(office, history)
    for act in history.acts:
        family = telling.family
        family.pass_to(min(family.today + timedelta(days=act.wait), STARTS + timedelta(days=300)))
        with on(family.today):
            if act.is_paid_up:
                _pay_up(telling)
            _DO[act.kind](telling, act)
            telling.check()
    with on(telling.family.today):
        for place in range(len(telling.family.claims)):
            telling.check_claim(place)
    return telling


def _pay_up(telling: Telling) -> None:
    """Let every premium that is due be paid."""
    amount = telling.family.policy.arrears
    if not amount or telling.family.policy.status != "active":
        return
    telling.number += 1
    reference = f"EFT {telling.number} of {telling.desk.path[-12:]}"
    body = {
        "payment_date": telling.family.today.isoformat(),
        "payment_reference": reference,
        "amount": str(amount),
        "amount_is_right": True,
    }
    answer = telling.desk.ask("POST", "/payments", body)
    telling.both(
        f"{amount} paid, all that is due",
        lambda: telling.family.tell(lambda policy: policy.pay(amount, reference)),
        answer,
    )


def _add(telling: Telling, life: str) -> None:
    family, role = telling.family, life.split(":")[0]
    name = word(next(_names) * 6151)
    body = {
        "endorsement_type": "ADD_MEMBER",
        "member_role": role,
        "first_name": name,
        "last_name": word(next(_names) + 77),
        "date_of_birth": "1992-03-03" if role == "SPOUSE" else "2014-08-15",
        "gender": "FEMALE",
        "effective_date": family.today.isoformat(),
        "reason": "asked for",
    }
    answer = telling.desk.ask("POST", "/endorse", body)
    benefit = family.policy.benefit(life)
    amount = benefit.fixed_amount
    if amount is None:
        amount = (D(telling.history.cover) / 2).quantize(D("0.01"))
    cover = Cover([(family.today, amount)], benefit.waiting_days)
    if telling.both(f"{life} added", lambda: telling.family.add(life, cover), answer):
        telling.names[life] = name


def _add_child(telling: Telling, act: Act) -> None:
    if telling.family.policy.status != "active" or telling.family.dead:
        return
    _add(telling, f"CHILD:{10 + len(telling.names)}")


def _event(telling: Telling, act: Act, life: str) -> date:
    """Return the day of a death: who died once is said to have died on that day ever after."""
    today = telling.family.today
    said = telling.died.get(life)
    if said is not None:
        return said + timedelta(days=act.choice == 11)
    day = {
        "today": today,
        "yesterday": today - timedelta(days=1),
        "the day before": STARTS - timedelta(days=1),
        "a while ago": today - timedelta(days=5 * act.choice),
        "wait": STARTS + timedelta(days=90 - act.choice % 2),
    }[act.event]
    return min(day, today)


def _submit(telling: Telling, act: Act) -> None:
    family = telling.family
    codes = list(family.covers)
    code = codes[act.choice % len(codes)]
    life = life_of(code)
    event = min(_event(telling, act, life), family.today)
    most = family.covers[code].steps[-1][1]
    amount = most / 2 if act.amount == "half" else most + (D("0.01") * (act.amount != "all"))
    amount = amount.quantize(D("0.01"))
    detail = family_rows(telling)
    body = {
        "claim_type": telling.history.article.benefit_type,
        "event_date": event.isoformat(),
        "benefit_claims": [{"policy_benefit_id": detail[code], "claimed_amount": str(amount)}],
        "claimant": {"name": "Thandi Mokoena"},
    } | ({"cause": act.cause} if act.cause else {})
    answer = telling.desk.ask("POST", "/claims", body)
    done = telling.both(
        f"{amount} of {code} claimed for {event}, {act.cause}",
        lambda: telling.family.submit(code, amount, event, act.cause or "UNKNOWN"),
        answer,
    )
    if done is None:
        return
    telling.died.setdefault(life, event)
    item = answer.body["items"][0]["id"]
    telling.ids.append({"claim_id": answer.body["claim_id"], "item": item})
    telling.check_claim(len(telling.ids) - 1)


def family_rows(telling: Telling) -> dict[str, str]:
    """Return the id of each benefit by the code that the model has for it."""
    rows = telling.office.do("GET", f"{telling.desk.path}/detail")["benefits"]
    found: dict[str, str] = {}
    for code in telling.family.covers:
        name = telling.names[life_of(code)]
        found[code] = next(
            one["id"]
            for one in rows
            if one["benefit_code"] == code.split(":")[0] and one["member_name"].startswith(name)
        )
    return found


def _choose(telling: Telling, act: Act, statuses: tuple[str, ...]) -> tuple[int, Claim] | None:
    claims = list(enumerate(telling.family.claims))
    liked = [one for one in claims if one[1].status in statuses]
    chosen = liked if liked and act.choice % 6 else claims
    return chosen[act.choice % len(chosen)] if chosen else None


def _of(amount: str, most: Decimal) -> Decimal:
    part = {"all": most, "half": most / 2, "a cent more": most + D("0.01"), "nothing": ZERO}[amount]
    return part.quantize(D("0.01"))


def _assess(telling: Telling, act: Act) -> None:
    chosen = _choose(telling, act, OPEN)
    if chosen is None:
        return _submit(telling, act)
    place, claim = chosen
    amount = _of(act.amount, claim.payable)
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
    }
    answer = telling.office.ask("PUT", f"/claims/{telling.ids[place]['claim_id']}/assess", body)
    done = telling.both(
        f"claim {place + 1}: {amount} approved",
        lambda: telling.family.assess(telling.family.claims[place], amount),
        answer,
    )
    if done:
        telling.check_claim(place)
    return None


def _pay(telling: Telling, act: Act) -> None:
    chosen = _choose(telling, act, PAYABLE)
    if chosen is None:
        return _assess(telling, act)
    place, claim = chosen
    if claim.event == telling.family.today:
        return (
            None  # Nobody is paid on the day of a death, whose changes take effect the day after.
        )
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
    if answer.is_refusal and "has died" in answer.words and telling.died:
        by_policy = {"reason": "Who was to be paid has died"}
        telling.office.do("POST", path.replace("/pay", "/payees/by-policy"), by_policy)
        telling.sentences.append(f"{telling.family.today}: those whom the policy names are paid")
        answer = telling.office.ask("POST", path, body, client=telling.office.checker)
    if not answer.is_refusal and answer.body["approval_id"]:
        approval = answer.body["approval_id"]
        agreed = telling.office.ask(
            "POST", f"/approvals/{approval}/approve", {}, client=telling.office.third
        )
        assert not agreed.is_refusal, agreed.words
    payment = telling.both(
        f"claim {place + 1} on {claim.code}: {amount} paid",
        lambda: telling.family.pay(telling.family.claims[place], amount),
        answer,
    )
    if payment is None:
        return None
    made = telling.office.do("GET", path.removesuffix("/pay"))["payments"]
    kept_back = sum(
        (Decimal(one["arrears_deducted"]) for one in made if one["status"] != "VOID"), ZERO
    )
    right = sum(
        (one.deducted for one in telling.family.claims[place].payments if not one.is_void), ZERO
    )
    if kept_back != right:
        telling.fail(f"{right} should be kept back, the product says {kept_back}")
    telling.check_claim(place)
    return None


def _undo(telling: Telling, act: Act) -> None:
    """Two people say that a death was none; only where one paid claim says so it is plain."""
    family = telling.family
    paid = [(place, one) for place, one in enumerate(family.claims) if one.paid]
    lives = [life_of(one.code) for _place, one in paid]
    ended_on = family.policy.ended_on
    alone = [
        one
        for one in paid
        if lives.count(life_of(one[1].code)) == 1
        and ended_on in (None, one[1].event + timedelta(days=1))
    ]
    if not alone:
        return _pay(telling, act)
    place, claim = alone[act.choice % len(alone)]
    answer = _ask_to_undo(telling, place)
    is_done = telling.both(
        f"the death of {life_of(claim.code)} undone on claim {place + 1}",
        lambda: telling.family.undo_death(telling.family.claims[place]),
        answer,
    )
    if is_done:
        telling.is_in_sum = True
        telling.died.pop(life_of(claim.code), None)
        telling.check_claim(place)
    return None


def _ask_to_undo(telling: Telling, place: int) -> Answer:
    """Let two people undo a death: an ended policy at once, else its change and then the money."""
    office, path = telling.office, f"/claims/{telling.ids[place]['claim_id']}"
    number = office.do("GET", path)["claim_number"]
    changes = [
        one
        for one in office.do("GET", f"{telling.desk.path}/endorsements")
        if one["status"] == "ISSUED" and number in (one["reason"] or "")
    ]
    if changes:
        answer = office.ask("POST", f"/endorsements/{changes[0]['id']}/undo", {})
        return answer if answer.is_refusal else _void(telling, path)
    body = {"reason": "A namesake died"}
    answer = office.ask("POST", f"{path}/undo-death", body, client=office.checker)
    if answer.is_refusal:
        return answer
    agreeing = f"/approvals/{answer.body['approval_id']}/approve"
    if not office.ask("POST", agreeing, {}, client=office.checker).is_refusal:
        telling.fail("one person alone undid a death")
    return office.ask("POST", agreeing, {})


def _void(telling: Telling, path: str) -> Answer:
    office, answer = telling.office, Answer(404, "no payment")
    for one in office.do("GET", path)["payments"]:
        if one["status"] == "VOID":
            continue
        voiding, body = f"/claim-payments/{one['id']}/void", {"reason": "A namesake died"}
        if not office.ask("POST", voiding, body).is_refusal:
            telling.fail("one person alone undid a death")
        answer = office.ask("POST", voiding, body, client=office.checker)
        if answer.is_refusal:
            return answer
    return answer


def _lapse(telling: Telling, act: Act) -> None:
    answer = telling.desk.ask("PUT", "/lapse", {"reason": "not paid"})
    telling.both("lapsed", lambda: telling.family.lapse(), answer)


def _cancel(telling: Telling, act: Act) -> None:
    day = telling.family.today
    if act.choice % 2 or telling.family.dead:
        return _submit(telling, act)
    body = {
        "cancellation_type": "VOLUNTARY",
        "reason": "asked for",
        "effective_date": day.isoformat(),
    }
    answer = telling.desk.ask("PUT", "/cancel", body)
    telling.both("cancelled", lambda: telling.family.cancel(day), answer)
    return None


_DO: dict[str, Callable[[Telling, Act], None]] = {
    "submit": _submit,
    "assess": _assess,
    "pay": _pay,
    "undo": _undo,
    "add a child": _add_child,
    "lapse": _lapse,
    "cancel": _cancel,
}


def agree(office: Office, articles: tuple[Article, ...]) -> None:
    """Hold product and model together over random histories of families."""

    @settings(
        max_examples=HISTORIES // (10 if IS_LONG else 35),
        deadline=None,
        derandomize=not IS_LONG,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(history=families(articles, 14 if IS_LONG else 8))
    def holds(history: FamilyHistory) -> None:
        tell(office, history)

    holds()
