"""What a policy's money should be: a plain model, written from the rules of the trade alone.

It knows nothing of the product. Money is Decimal, days are passed in, and nothing is stored that
follows from the contract: what a period costs is worked out from the steps of the contract each
time it is asked for.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from tests.oracle.calendar_and_cents import MONTHS, ZERO, cents, months_after, share


@dataclass(frozen=True)
class Benefit:
    """A benefit of a product: per mille of its sum assured, or a flat price."""

    code: str
    per_mille: Decimal | None = None
    flat: Decimal | None = None
    role: str = "MAIN_MEMBER"
    fixed_amount: Decimal | None = None
    per_cent_of_main: Decimal | None = None
    waiting_days: int = 0
    excess_amount: Decimal = ZERO
    excess_per_cent: Decimal = ZERO

    def monthly(self, sum_assured: Decimal) -> Decimal:
        """Return the monthly premium, rounded once."""
        if self.flat is not None:
            return self.flat
        assert self.per_mille is not None
        return cents(Fraction(sum_assured) * Fraction(self.per_mille) / 1000)


@dataclass(frozen=True)
class Terms:
    """What a product promises and keeps."""

    benefits: tuple[Benefit, ...]
    vat_per_cent: int = 0
    term_years: int = 20
    is_renewable: bool = False
    loading: tuple[tuple[str, Decimal], ...] = ()
    keeps: str = "PRO_RATA"
    short_rate: Decimal = Decimal(90)
    cooling_off_days: int = 31
    grace: tuple[tuple[str, int], ...] = (
        ("MONTHLY", 15),
        ("QUARTERLY", 31),
        ("HALF_YEARLY", 31),
        ("ANNUAL", 31),
    )
    automatic_days: int = 14
    medical_after_days: int | None = 90
    reinstatement_days: int = 180
    renewal_window_days: int = 30
    notice_days: int = 31

    def grace_days(self, frequency: str) -> int:
        """Return how many days after a due date cover goes on."""
        return dict(self.grace)[frequency]


@dataclass(frozen=True)
class Step:
    """From a day on, a benefit has a sum assured; None takes it off the policy.

    A rise at an anniversary states the price too: it builds on the price before, not on a rate.
    """

    effective: date
    order: int
    code: str
    sum_assured: Decimal | None
    price: Decimal | None = None


@dataclass(frozen=True)
class Rhythm:
    """From a due date on, premiums fall due so often, on a day of the month.

    Where the first due date is not that day, the days to it are a part of the period that ends
    there.
    """

    start: date
    frequency: str
    day: int

    def periods(self) -> Iterator[tuple[date, date, date]]:
        """Return each period from the start on: due, end, and when the whole period began."""
        months = MONTHS[self.frequency]
        due = self.start
        end = months_after(due, 0, self.day)
        if end < due:
            end = months_after(due, 1, self.day)
        if end > due:
            yield due, end, months_after(end, -months, self.day)
        first, number = end, 0
        while True:
            due = months_after(first, number * months, self.day)
            number += 1
            yield due, months_after(first, number * months, self.day), due


@dataclass
class Line:
    """What is demanded on a day: the premium of a period, or the adjustment of a change.

    A period that a change of the due day or the end of the term cuts short is charged as its part
    of the `whole`.
    """

    kind: str
    due: date
    end: date
    amount: Decimal
    frequency: str = "MONTHLY"
    whole: tuple[date, date] | None = None
    paid: dict[str, Decimal] = field(default_factory=dict)
    is_cancelled: bool = False
    is_charged: bool = False

    @property
    def paid_amount(self) -> Decimal:
        """Return what settled it so far."""
        return sum(self.paid.values(), ZERO)

    @property
    def outstanding(self) -> Decimal:
        """Return what is still open."""
        return self.amount - self.paid_amount

    @property
    def is_open(self) -> bool:
        """Say whether anything is still demanded."""
        return not self.is_cancelled and self.outstanding > 0


@dataclass
class Receipt:
    """Money that came in, or a credit that the insurer gave; `unused` settled nothing yet."""

    reference: str
    amount: Decimal
    day: date
    is_money: bool = True
    unused: Decimal = ZERO
    is_reversed: bool = False


class Refused(Exception):  # noqa: N818
    """The rules do not allow this, and why."""


@dataclass
class Ending:
    """How the money divides when cover ends."""

    earned: Decimal
    kept: Decimal
    demanded: Decimal
    refund: Decimal
    owed: Decimal
    is_pursued: bool = True


@dataclass
class Policy:
    """A contract and its money."""

    terms: Terms
    frequency: str
    start: date
    today: date
    issued: date
    steps: list[Step]
    lines: list[Line] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    status: str = "active"
    term_start: date = date.min
    expiry: date = date.min
    ended_on: date | None = None
    lapsed_on: date | None = None
    refunds_paid: Decimal = ZERO
    payable: Decimal = ZERO
    waived: dict[date, Decimal] = field(default_factory=dict)
    ending: Ending | None = None
    rhythms: list[Rhythm] = field(default_factory=list)
    scheduled_through: date = date.min
    _order: int = 1000

    def __post_init__(self) -> None:
        """Let premiums fall due on the day of the start, until that is changed."""
        self.rhythms = self.rhythms or [Rhythm(self.start, self.frequency, self.start.day)]

    # ---- the contract ------------------------------------------------------------------

    def sums_on(self, day: date) -> dict[str, Decimal]:
        """Return each benefit's sum assured on a day."""
        sums: dict[str, Decimal] = {}
        for step in sorted(self.steps, key=lambda one: (one.effective, one.order)):
            if step.effective > day:
                break
            if step.sum_assured is None:
                sums.pop(step.code, None)
            else:
                sums[step.code] = step.sum_assured
        main = sums.get(self.terms.benefits[0].code, ZERO)
        for code in sums:
            part = self.benefit(code).per_cent_of_main
            if part is not None:
                sums[code] = cents(Fraction(main) * Fraction(part) / 100)
        return sums

    def benefit(self, code: str) -> Benefit:
        """Return the terms of a benefit."""
        return next(one for one in self.terms.benefits if one.code == code.split(":")[0])

    def prices_on(self, day: date) -> dict[str, Decimal]:
        """Return each benefit's monthly premium on a day."""
        stated: dict[str, Decimal | None] = {}
        for step in sorted(self.steps, key=lambda one: (one.effective, one.order)):
            if step.effective <= day:
                stated[step.code] = step.price
        prices: dict[str, Decimal] = {}
        for code, amount in self.sums_on(day).items():
            price = stated[code]
            prices[code] = self.benefit(code).monthly(amount) if price is None else price
        return prices

    def monthly_on(self, day: date) -> Decimal:
        """Return the monthly premium on a day: the sum of its rounded benefits."""
        return sum(self.prices_on(day).values(), ZERO)

    def instalment_on(self, day: date, frequency: str) -> Decimal:
        """Return what a whole premium period costs at the prices of a day."""
        months = MONTHS[frequency]
        loading = dict(self.terms.loading).get(frequency, Decimal(0))
        factor = months * (1 + Fraction(loading) / 100)
        prices = self.prices_on(day).values()
        return sum((cents(Fraction(price) * factor) for price in prices), ZERO)

    def cover_on(self, day: date) -> Decimal:
        """Return the headline cover: the sum assured of the main benefit."""
        return self.sums_on(day).get(self.terms.benefits[0].code, ZERO)

    def charge(self, line: Line, until: date | None = None) -> Decimal:
        """Return what the days of a period cost: its first price, and each change for its days.

        With `until`, cover stops on that day, which is itself a change to nothing.
        """
        start, end = line.due, line.end
        if until is not None and until <= start:
            return ZERO
        began, ends = line.whole or (start, end)
        whole = (ends - began).days
        price = self.instalment_on(start, line.frequency)
        total = share(price, (end - start).days, whole)
        for day in sorted({one.effective for one in self.steps if start < one.effective < end}):
            if until is not None and day >= until:
                break
            new = self.instalment_on(day, line.frequency)
            total += share(new - price, (end - day).days, whole)
            price = new
        if until is not None and until < end:
            total -= share(price, (end - until).days, whole)
        return total

    # ---- the schedule ------------------------------------------------------------------

    def extend(self, through: date) -> None:
        """Schedule every premium that falls due before a day, within the term."""
        self.scheduled_through = through
        there = [one.end for one in self.lines if one.kind == "PREMIUM" and not one.is_cancelled]
        rhythm, last = self.rhythms[-1], max(there, default=self.start)
        for due, end, began in rhythm.periods():
            if due >= min(through, self.expiry):
                break
            if due >= last:
                line = Line(
                    "PREMIUM",
                    due,
                    min(end, self.expiry),
                    ZERO,
                    frequency=rhythm.frequency,
                    whole=(began, end),
                )
                line.amount = self.charge(line)
                self.lines.append(line)
        self._sort()

    def frequency_on(self, day: date) -> str:
        """Return how often premiums fall due on a day."""
        return next(
            (one.frequency for one in reversed(self.rhythms) if one.start <= day),
            self.rhythms[0].frequency,
        )

    def change_rhythm(
        self, effective: date, *, frequency: str | None = None, day: int | None = None
    ) -> Decimal:
        """Let premiums fall due more or less often, or on another day, from a due date on.

        What was charged or paid stays as it is.
        """
        if self.status != "active":
            raise Refused(f"a policy that is {self.status} cannot be changed")
        if effective < self.term_start or self.today < self.term_start:
            raise Refused("before the present term")
        now = self.rhythms[-1]
        if (frequency or now.frequency, day or now.day) == (now.frequency, now.day):
            raise Refused("it is so already")
        premiums = [one for one in self.lines if one.kind == "PREMIUM" and not one.is_cancelled]
        stays = max(
            (
                place
                for place, one in enumerate(premiums)
                if one.due < effective or one.is_charged or one.paid_amount
            ),
            default=-1,
        )
        kept = premiums[: stays + 1]
        start = kept[-1].end if kept else self.start
        if start >= self.expiry:
            raise Refused("every premium of the term is charged or paid")
        self.lines = [one for one in self.lines if one.kind != "PREMIUM"] + kept
        self.rhythms.append(Rhythm(start, frequency or now.frequency, day or now.day))
        self.frequency = self.rhythms[-1].frequency
        self.extend(self.scheduled_through)
        self._order += 1
        self.use_credit()
        return ZERO

    def _sort(self) -> None:
        self.lines.sort(key=lambda one: (one.due, one.kind != "PREMIUM"))

    # ---- money -------------------------------------------------------------------------

    def pass_to(self, day: date) -> None:
        """Let a day come."""
        self.today = day

    def settled(self) -> "Policy":
        """Return the policy with its credit used for what is due, whenever that is booked."""
        after = deepcopy(self)
        after.use_credit()
        return after

    def open_lines(self, through: date) -> list[Line]:
        """Return what is demanded by a day and not settled, the oldest first."""
        return [one for one in self.lines if one.is_open and one.due <= through]

    @property
    def arrears(self) -> Decimal:
        """Return what fell due and is open, after credit."""
        if self.ending is not None:
            return self.ending.owed
        return sum((one.outstanding for one in self.settled().open_lines(self.today)), ZERO)

    @property
    def credit(self) -> Decimal:
        """Return money and credit notes that settled nothing yet."""
        return sum((one.unused for one in self.receipts), ZERO)

    @property
    def cash(self) -> Decimal:
        """Return the money that came in and stayed."""
        return sum(
            (one.amount for one in self.receipts if one.is_money and not one.is_reversed),
            -self.refunds_paid,
        )

    @property
    def income_at_end(self) -> Decimal:
        """Return what was charged in the end and not waived."""
        assert self.ending is not None
        return self.ending.demanded

    @property
    def paid_ahead(self) -> Decimal:
        """Return what settled premiums that are not due yet.

        What a change added is charged on the day of the change: its due date only says with which
        premium it is asked for.
        """
        return sum((one.paid_amount for one in self.lines_ahead()), ZERO)

    def lines_ahead(self) -> list[Line]:
        """Return the premiums that are not due yet, the last of them first."""
        ahead = [one for one in self.lines if one.kind == "PREMIUM" and one.due > self.today]
        return [one for one in reversed(ahead) if not one.is_cancelled]

    @property
    def refundable(self) -> Decimal:
        """Return what nothing due today demands, at most what came in."""
        owed = sum((one.outstanding for one in self.open_lines(self.today)), ZERO)
        if self.ended_on is not None:
            return min(self.payable + self.credit, self.cash)
        return max(ZERO, min(self.credit + self.paid_ahead - owed, self.cash))

    def use_credit(self) -> None:
        """Let unused credit settle what is due, the oldest first."""
        if self.ending is not None:
            return
        for line in self.open_lines(self.today):
            for receipt in self.receipts:
                self._settle(receipt, line)

    def _settle(self, receipt: Receipt, line: Line) -> None:
        amount = min(receipt.unused, line.outstanding)
        if amount > 0:
            line.paid[receipt.reference] = line.paid.get(receipt.reference, ZERO) + amount
            receipt.unused -= amount

    def pay(self, amount: Decimal, reference: str, line: Line | None = None) -> None:
        """Receive money: a named line first, then the oldest due within a month, else credit."""
        receipt = Receipt(reference, amount, self.today, unused=amount)
        self.receipts.append(receipt)
        if self.ending is not None:
            settled = min(self.ending.owed, amount)
            self.ending.owed -= settled
            receipt.unused -= settled
            return
        if line is not None:
            self._settle(receipt, line)
        for one in self.open_lines(months_after(self.today, 1)):
            self._settle(receipt, one)

    def reverse(self, reference: str) -> None:
        """Take a receipt back: what it settled opens as if it had never come."""
        receipt = next(one for one in self.receipts if one.reference == reference)
        if receipt.is_reversed or not receipt.is_money:
            raise Refused("there is no such payment")
        receipt.is_reversed, receipt.unused = True, ZERO
        for line in self.lines:
            line.paid.pop(reference, None)
        if self.ending is not None:
            self._divide_again(self.ending)
        self.use_credit()

    def _divide_again(self, ending: Ending) -> None:
        """Divide what is left, after the end, of money that came in."""
        for receipt in self.receipts:
            receipt.unused = ZERO
        if not ending.is_pursued:
            ending.demanded = max(ZERO, min(ending.demanded, self.cash))
        balance = self.cash - ending.demanded
        self.payable, ending.owed = max(ZERO, balance), max(ZERO, -balance)

    def waive(self, line: Line) -> None:
        """Forgive what is open of a premium."""
        if self.ended_on is not None or not line.is_open or not line.is_charged:
            raise Refused("nothing that was charged is open")
        amount = line.outstanding
        self.waived[line.due] = self.waived.get(line.due, ZERO) + amount
        # A waiver settles for good: no reversal of a receipt takes it back.
        line.paid["waiver"] = line.paid.get("waiver", ZERO) + amount

    def refund(self, amount: Decimal) -> None:
        """Pay money back that nothing demands."""
        if amount > self.refundable:
            raise Refused(f"{self.refundable} can be paid back")
        self.use_credit()
        self.refunds_paid += amount
        from_payable = min(amount, self.payable)
        self.payable -= from_payable
        rest = amount - from_payable
        for receipt in self.receipts:
            used = min(rest, receipt.unused)
            receipt.unused -= used
            rest -= used
        for line in self.lines_ahead():
            for reference in list(line.paid):
                used = min(rest, line.paid[reference])
                line.paid[reference] -= used
                rest -= used

    # ---- changes -----------------------------------------------------------------------

    def change(self, steps: dict[str, Decimal | None], effective: date) -> Decimal:
        """Change benefits from a day on, and return the adjustment that is charged for it."""
        if self.status != "active":
            raise Refused(f"a policy that is {self.status} cannot be changed")
        if effective < self.term_start or self.today < self.term_start:
            raise Refused("before the present term")
        if effective >= self.expiry:
            raise Refused("after the term")
        self._order += 1
        return self._take(
            [Step(effective, self._order, code, amount) for code, amount in steps.items()],
            effective,
        )

    def rise(self, anniversary: date, premium_rate: Decimal, cover_rate: Decimal) -> Decimal:
        """Raise every benefit at an anniversary, each rounded, on what was billed before."""
        day = anniversary - timedelta(days=1)
        sums, prices = self.sums_on(day), self.prices_on(day)
        self._order += 1
        steps = [
            Step(
                anniversary,
                self._order,
                code,
                cents(Fraction(sums[code]) * (1 + Fraction(cover_rate) / 100)),
                cents(Fraction(prices[code]) * (1 + Fraction(premium_rate) / 100)),
            )
            for code in sums
        ]
        return self._take(steps, anniversary)

    def _take(self, steps: list[Step], effective: date) -> Decimal:
        before = {id(one): self.charge(one) for one in self.lines if one.kind == "PREMIUM"}
        self.steps.extend(steps)
        for line in self.lines:
            line.is_charged |= line.paid_amount > 0 and line.due <= self.today
        adjustment = ZERO
        for line in self.lines:
            if line.kind != "PREMIUM" or line.is_cancelled or line.end <= effective:
                continue
            difference = self.charge(line) - before[id(line)]
            if line.is_charged:
                adjustment += difference
            else:
                line.amount += difference
                self._give_back_excess(line)
        self._adjust(adjustment)
        self.use_credit()
        return adjustment

    def _give_back_excess(self, line: Line) -> None:
        """Let what was paid ahead of a line above what it costs now be unused again."""
        for receipt in self.receipts:
            more = min(-line.outstanding, line.paid.get(receipt.reference, ZERO))
            if more > 0:
                line.paid[receipt.reference] -= more
                receipt.unused += more

    def _adjust(self, adjustment: Decimal) -> None:
        if adjustment > 0:
            self._charge_adjustment(adjustment)
        elif adjustment < 0:
            reference = f"credit note {self._order}"
            note = Receipt(reference, -adjustment, self.today, is_money=False, unused=-adjustment)
            self.receipts.append(note)

    def _charge_adjustment(self, amount: Decimal) -> None:
        ahead = [
            one.due
            for one in self.lines
            if one.kind == "PREMIUM"
            and one.is_open
            and one.due >= self.today
            and not one.is_charged
        ]
        due = min(ahead, default=self.today)
        self.lines.append(Line("ADJUSTMENT", due, due, amount))
        self._sort()

    # ---- the life of the policy ----------------------------------------------------------

    def suspend(self) -> None:
        """Stop cover for the time being."""
        if self.status != "active":
            raise Refused(f"a policy that is {self.status} cannot be suspended")
        self.status = "suspended"

    @property
    def lapse_date(self) -> date | None:
        """Return the first day without cover, where the oldest premium stays unpaid."""
        unpaid = self.settled().open_lines(self.today)
        if not unpaid:
            return None
        grace = self.terms.grace_days(self.frequency_on(unpaid[0].due))
        return unpaid[0].due + timedelta(days=grace + 1)

    def hold_off_lapse(self) -> None:
        """Move money that is held to the premium a lapse is asked for; that stands on its own."""
        if self.status in ("active", "suspended"):
            unpaid = self.open_lines(self.today)
            grace = self.terms.grace_days(self.frequency_on(unpaid[0].due)) if unpaid else 0
            if unpaid and self.today > unpaid[0].due + timedelta(days=grace):
                self.use_credit()
            self.may_lapse()

    def may_lapse(self) -> bool:
        """Say whether grace has run out on the oldest premium, with all money held moved to it."""
        if self.lapse_date is None or self.today < self.lapse_date:
            return False
        self.use_money_ahead()
        return self.lapse_date is not None and self.today >= self.lapse_date

    def use_money_ahead(self) -> None:
        """Let what lies on lines not yet due settle what is due, the furthest first."""
        self.use_credit()
        for line in self.open_lines(self.today):
            for later in self.lines_ahead():
                for reference in list(later.paid):
                    amount = min(later.paid[reference], line.outstanding)
                    later.paid[reference] -= amount
                    line.paid[reference] = line.paid.get(reference, ZERO) + amount

    def lapse(self) -> None:
        """End cover because a premium was not paid in its grace."""
        if self.status not in ("active", "suspended"):
            raise Refused(f"a policy that is {self.status} cannot lapse")
        if not self.may_lapse():
            raise Refused("grace has not run out")
        self.lapsed_on, self.status = self.lapse_date, "lapsed"

    def reinstate(self, *, medical: bool) -> None:
        """Bring a suspended or lapsed policy back, its arrears paid."""
        if self.status not in ("suspended", "lapsed"):
            raise Refused(f"a policy that is {self.status} cannot be reinstated")
        if self.arrears > 0:
            raise Refused(f"arrears of {self.arrears} are not paid")
        if self.status == "lapsed":
            assert self.lapsed_on is not None
            away = (self.today - self.lapsed_on).days
            if away > self.terms.reinstatement_days:
                raise Refused("this is new business")
            limit = self.terms.medical_after_days
            if limit is not None and away > limit and not medical:
                raise Refused("medical clearance is needed")
        self.status, self.lapsed_on = "active", None

    def renew(self) -> None:
        """Give the policy its next term."""
        if self.status != "active" or not self.terms.is_renewable:
            raise Refused("it is not renewed")
        if (
            not timedelta(0)
            <= self.expiry - self.today
            <= timedelta(days=self.terms.renewal_window_days)
        ):
            raise Refused("it is not the time")
        years = self.expiry.year - self.start.year + self.terms.term_years
        self.term_start = self.expiry
        self.expiry = months_after(self.start, 12 * years)
        self.rhythms.append(Rhythm(self.term_start, self.frequency, self.rhythms[-1].day))
        self.extend(months_after(self.term_start, 12))

    def is_cooling_off(self, day: date) -> bool:
        """Say whether the holder may still take the contract back."""
        return (day - self.issued).days <= self.terms.cooling_off_days

    def divide(self, kind: str, effective: date) -> Ending:
        """Return how the money divides if cover stops on a day: its first day without cover."""
        by_holder = kind == "VOLUNTARY"
        last = effective
        if self.lapsed_on is not None:
            last = min(last, self.lapsed_on)
        earned = kept = demanded = ZERO
        for line in self.lines:
            if line.kind != "PREMIUM" or line.is_cancelled or line.due >= last:
                continue
            used = self.charge(line, last)
            unearned = self.charge(line) - used
            keep = ZERO
            if by_holder and self.lapsed_on is None and not self.is_cooling_off(self.today):
                keep = self._keep(unearned)
            earned += used
            kept += keep
            demanded += max(ZERO, used + keep - self.waived.get(line.due, ZERO))
        balance = self.cash - demanded
        if kind in ("NON_PAYMENT", "LAPSE") or self.lapsed_on is not None:
            demanded = min(demanded, self.cash)
        is_pursued = kind not in ("NON_PAYMENT", "LAPSE") and self.lapsed_on is None
        return Ending(
            earned=earned,
            kept=kept,
            demanded=demanded,
            refund=max(ZERO, balance),
            owed=max(ZERO, -balance) if is_pursued else ZERO,
            is_pursued=is_pursued,
        )

    def _keep(self, unearned: Decimal) -> Decimal:
        if self.terms.keeps == "FLAT":
            return unearned
        if self.terms.keeps == "SHORT_RATE":
            return unearned - cents(Fraction(unearned) * Fraction(self.terms.short_rate) / 100)
        return ZERO

    def cancel(self, kind: str, effective: date, noticed: date | None = None) -> Ending:
        """End the contract for good and divide its money."""
        if self.status not in ("active", "suspended", "lapsed"):
            raise Refused(f"a policy that is {self.status} cannot be cancelled")
        if effective < (self.lapsed_on or self.start):
            raise Refused("cover had not started, or had ended already")
        ahead = min((one.due for one in self.lines if one.due > self.today), default=self.expiry)
        if effective > self.today and kind != "VOLUNTARY":
            raise Refused("only the holder ends a contract on a day to come")
        if effective > ahead:
            raise Refused(f"cover can stop on {ahead} at the latest")
        if kind == "OTHER" and self.lapsed_on is None:
            # Notice keeps the holder covered while it runs; after a lapse there is no cover.
            if noticed is None:
                raise Refused("the insurer gives notice")
            if noticed < self.issued:
                raise Refused("there was no policy to end")
            ends = noticed + timedelta(days=self.terms.notice_days + 1)
            if effective < ends:
                raise Refused(f"the day of the notice is day 0: cover ends on {ends}")
        if any(step.effective > effective for step in self.steps):
            # An issued change is never edited: it is undone first, then cover ends before it.
            raise Refused("a change takes effect after that")
        if kind in ("NON_PAYMENT", "LAPSE"):
            if not self.may_lapse():
                raise Refused("grace has not run out")
            assert self.lapse_date is not None
            if effective < self.lapse_date:
                raise Refused(f"cover runs until {self.lapse_date}")
        self.use_credit()
        self.ending = self.divide(kind, effective)
        self.status, self.ended_on = "cancelled", effective
        for line in self.lines:
            if line.due >= effective and line.kind == "PREMIUM":
                line.is_cancelled = True
        self.payable = self.ending.refund
        for receipt in self.receipts:
            receipt.unused = ZERO
        return self.ending
