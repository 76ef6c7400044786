"""Reports on claims: each one statement, its columns, and which rows stand behind a figure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from string import Template
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from insurance.claims.figures import MONEY, SINCE_COUNTED
from insurance.core.errors import DomainError, NotFoundError
from insurance.core.figures import spans_asked
from insurance.core.money import ZERO
from insurance.core.paging import Page, decode_cursor, page_of
from insurance.core.tenancy import current_org
from insurance.ledger.rules import AccountCode

_NO_ID = UUID(int=0)
MOST_ROWS = 500_000
"""How far a report that is not one line a claim is paged."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, and what its cells are. `key` is its name for programs.

    A minor one is left to files and programs: the screen has no room for it.

    Kinds: text, code, reason, day, and the numbers money, number, days and percent.
    """

    name: str
    kind: str = "text"
    is_minor: bool = False

    @property
    def key(self) -> str:
        """Return the heading in small letters with underscores."""
        return self.name.lower().replace(" ", "_")

    @property
    def is_number(self) -> bool:
        """Tell whether its cells stand on the right."""
        return self.kind in ("money", "number", "days", "percent")


@dataclass(frozen=True, slots=True)
class Report:
    """A report. The last values of a row that `behind` names choose its rows in the register."""

    code: str
    title: str
    says: str
    columns: tuple[Column, ...]
    statement: TextClause
    behind: tuple[str, ...] = ()
    totals: tuple[int, ...] = ()
    short: str = ""

    @property
    def tab(self) -> str:
        """Return the title, short enough to stand beside the others."""
        return self.short or self.title


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """A period, both days included, and what narrows the register."""

    start: date
    end: date
    on: date
    product: UUID | None = None
    status: str | None = None
    claim_type: str | None = None
    cause: str | None = None
    reason: str | None = None
    decision: str | None = None
    age: str | None = None
    only: str | None = None


@dataclass(frozen=True, slots=True)
class ReportRow:
    """What a row shows, the claim it is about if it is about one, and the rows behind it."""

    cells: tuple[Any, ...]
    claim_id: UUID | None = None
    behind: dict[str, str] = field(default_factory=dict)


_JOINS = """
    FROM ins.claims c
    JOIN ins.policies p ON p.org_id = c.org_id AND p.id = c.policy_id
    JOIN ins.products pr ON pr.org_id = c.org_id AND pr.id = c.product_id"""
_PERIOD = " WHERE c.org_id = :org AND c.submitted_on BETWEEN :start AND :end"
_AGE = """CASE WHEN CAST(:on AS date) - c.submitted_on <= 7 THEN '0 to 7 days'
    WHEN CAST(:on AS date) - c.submitted_on <= 30 THEN '8 to 30 days'
    WHEN CAST(:on AS date) - c.submitted_on <= 90 THEN '31 to 90 days' ELSE 'over 90 days' END"""
_UNDECIDED = "('SUBMITTED', 'PENDING_DOCUMENTS', 'UNDER_ASSESSMENT')"
_NARROW = """
    AND (CAST(:product AS uuid) IS NULL OR c.product_id = :product)
    AND (CAST(:status AS text) IS NULL OR c.status = :status)
    AND (CAST(:claim_type AS text) IS NULL OR c.claim_type = :claim_type)
    AND (CAST(:cause AS text) IS NULL OR c.cause = :cause)
    AND ((CAST(:reason AS text) IS NULL AND CAST(:decision AS text) IS NULL)
        OR EXISTS (SELECT 1 FROM ins.claim_items i
            WHERE i.org_id = c.org_id AND i.claim_id = c.id
              AND (CAST(:reason AS text) IS NULL OR i.reason_code = :reason)
              AND (CAST(:decision AS text) IS NULL OR i.decision = :decision)))
    AND (CAST(:age AS text) IS NULL OR $age = :age)
    AND (CAST(:only AS text) IS NULL
        OR (:only = 'open' AND c.status IN $undecided)
        OR (:only = 'reserved' AND m.reserve > 0))"""
_PRODUCTS = "JOIN ins.products pr ON pr.org_id = :org AND pr.id = b.product_id"
AGES = ("0 to 7 days", "8 to 30 days", "31 to 90 days", "over 90 days")
_AGES_END = (7, 30, 90)
_PARTS = {
    "joins": _JOINS,
    "money": MONEY,
    "sums": SINCE_COUNTED,
    "products": _PRODUCTS,
    "period": _PERIOD,
    "age": _AGE,
    "undecided": _UNDECIDED,
    "after": "AND (CAST(:after AS uuid) IS NULL OR c.id < :after)",
}


def _sql(words: str) -> TextClause:
    """Return a statement with the parts that reports share; all of it is constant text."""
    narrow = Template(_NARROW).substitute(_PARTS)
    return text(Template(f"{words} OFFSET :offset").substitute(_PARTS, narrow=narrow))


REPORTS = {
    one.code: one
    for one in (
        Report(
            "register",
            "Claims register",
            "Every claim notified in the period.",
            (
                Column("Claim"), Column("Policy", is_minor=True), Column("Product"),
                Column("Type", "code"),
                Column("Cause", "code", is_minor=True), Column("Status", "code"),
                Column("Event", "day", is_minor=True), Column("Notified", "day"),
                Column("Claimed", "money"),
                Column("Approved", "money"), Column("Paid", "money"), Column("Reserve", "money"),
            ),
            _sql("""
                SELECT c.claim_number, p.policy_number, pr.name, c.claim_type, c.cause, c.status,
                       c.event_date, c.submitted_on, c.total_claimed, m.approved, m.paid,
                       m.reserve, c.id
                $joins $money $period $narrow $after ORDER BY c.id DESC LIMIT :limit"""),
            ("claim",),
            (8, 9, 10, 11),
            "Register",
        ),
        Report(
            "turnaround",
            "Turnaround by step",
            "Mean days from notice to complete documents, to the decision and to the payment.",
            (
                Column("Product"), Column("Claims", "number"), Column("To documents", "days"),
                Column("To decision", "days"), Column("To payment", "days"),
                Column("Decided in time", "number"), Column("Decided late", "number"),
            ),
            _sql("""
                $sums
                SELECT pr.name, CAST(sum(b.claims) AS bigint),
                       sum(b.document_seconds) / nullif(sum(b.documents), 0) / 86400,
                       sum(b.decision_seconds) / nullif(sum(b.decisions), 0) / 86400,
                       sum(b.payment_seconds) / nullif(sum(b.payments), 0) / 86400,
                       CAST(sum(b.in_time) AS bigint), CAST(sum(b.late) AS bigint), b.product_id
                FROM b $products
                GROUP BY pr.name, b.product_id HAVING sum(b.claims) <> 0
                ORDER BY pr.name, b.product_id LIMIT :limit"""),
            ("product",),
            (1, 5, 6),
            "Turnaround",
        ),
        Report(
            "ageing",
            "Ageing of open claims",
            "Claims notified in the period that wait for their decision, by age.",
            (
                Column("Age"), Column("Claims", "number"), Column("Claimed", "money"),
                Column("Reserve", "money"), Column("Over time", "number"),
            ),
            _sql("""
                $sums
                SELECT (CAST(:ages AS text[]))[b.place + 1], CAST(sum(b.claims) AS bigint),
                       sum(b.claimed), sum(b.reserve), CAST(sum(b.overdue) AS bigint),
                       (CAST(:ages AS text[]))[b.place + 1], 'open'
                FROM b WHERE b.status IN $undecided
                GROUP BY b.place HAVING sum(b.claims) <> 0 ORDER BY b.place LIMIT :limit"""),
            ("age", "only"),
            (1, 2, 3, 4),
            "Ageing",
        ),
        Report(
            "reserves",
            "Outstanding reserves",
            "What is reserved today, by product and status.",
            (
                Column("Product"), Column("Status", "code"), Column("Claims", "number"),
                Column("Reserve", "money"),
            ),
            _sql("""
                $sums
                SELECT pr.name, b.status, CAST(sum(b.reserved) AS bigint), sum(b.reserve),
                       b.product_id, b.status, 'reserved'
                FROM b $products
                GROUP BY pr.name, b.product_id, b.status HAVING sum(b.reserved) <> 0
                ORDER BY 1, 2, b.product_id LIMIT :limit"""),
            ("product", "status", "only"),
            (2, 3),
        ),
        Report(
            "decisions",
            "Approval rate and reasons",
            "How items of claims notified in the period were decided, and why.",
            (
                Column("Decision", "code"), Column("Reason", "reason"), Column("Items", "number"),
                Column("Share", "percent"), Column("Asked for", "money"),
                Column("Approved", "money"),
            ),
            _sql("""
                SELECT i.decision, i.reason_code, count(*),
                       round(100.0 * count(*) / sum(count(*)) OVER (), 1),
                       sum(i.requested_amount), sum(i.approved_amount), i.decision,
                       i.reason_code
                $joins JOIN ins.claim_items i ON i.org_id = c.org_id AND i.claim_id = c.id
                $period AND i.decision IS NOT NULL
                GROUP BY i.decision, i.reason_code ORDER BY 1, 3 DESC, 2 LIMIT :limit"""),
            ("decision", "reason"),
            (2, 4, 5),
            "Approval rate",
        ),
        Report(
            "causes",
            "Claims by product and cause",
            "Claims notified in the period, by product, type and cause.",
            (
                Column("Product"), Column("Type", "code"), Column("Cause", "code"), Column("Claims", "number"),
                Column("Claimed", "money"), Column("Approved", "money"), Column("Paid", "money"),
            ),
            _sql("""
                $sums
                SELECT pr.name, b.claim_type, b.cause, CAST(sum(b.claims) AS bigint),
                       sum(b.claimed), sum(b.approved), sum(b.paid), b.product_id, b.claim_type,
                       b.cause
                FROM b $products
                GROUP BY pr.name, b.product_id, b.claim_type, b.cause HAVING sum(b.claims) <> 0
                ORDER BY 1, 2, 3, b.product_id LIMIT :limit"""),
            ("product", "claim_type", "cause"),
            (3, 4, 5, 6),
            "By product and cause",
        ),
        # The largest are taken by their index and measured after: row-level security lets no index
        # compare amounts.
        Report(
            "large",
            "Large losses",
            "Claims notified in the period from the organization's limit for large losses on.",
            (
                Column("Claim"), Column("Policy"), Column("Product"), Column("Status", "code"),
                Column("Event", "day"), Column("Claimed", "money"), Column("Paid", "money"),
                Column("Reserve", "money"),
            ),
            _sql("""
                SELECT c.claim_number, p.policy_number, pr.name, c.status, c.event_date,
                       c.total_claimed, m.paid, m.reserve, c.id
                FROM (
                    SELECT * FROM ins.claims c $period
                    ORDER BY c.total_claimed DESC, c.id DESC LIMIT CAST(:limit AS bigint) + :offset
                ) c
                JOIN ins.policies p ON p.org_id = c.org_id AND p.id = c.policy_id
                JOIN ins.products pr ON pr.org_id = c.org_id AND pr.id = c.product_id
                $money WHERE c.total_claimed >= coalesce(
                    (SELECT large_loss FROM ins.claim_settings WHERE org_id = :org), 250000)
                ORDER BY c.total_claimed DESC, c.id DESC LIMIT :limit"""),
            ("claim",),
            (5, 6, 7),
        ),
        Report(
            "paid",
            "Paid versus reserved",
            "What was reserved in all, paid, and is left, of claims notified in the period.",
            (
                Column("Claim"), Column("Product"), Column("Status", "code"),
                Column("Reserved in all", "money"), Column("Paid", "money"),
                Column("Left", "money"), Column("Released", "money"),
            ),
            _sql("""
                SELECT c.claim_number, pr.name, c.status, m.raised, m.paid, m.reserve,
                       m.raised - m.paid - m.reserve, c.id
                $joins $money $period $after ORDER BY c.id DESC LIMIT :limit"""),
            ("claim",),
            (3, 4, 5, 6),
        ),
    )
}  # fmt: skip
"""The reports by their code."""


def get_report(code: str) -> Report:
    """Return a report. Raises NotFoundError."""
    if code not in REPORTS:
        raise NotFoundError("There is no such report.")
    return REPORTS[code]


def run_report(
    session: Session,
    report: Report,
    wanted: ReportRequest,
    *,
    limit: int,
    after: UUID | None = None,
    offset: int = 0,
) -> list[ReportRow]:
    """Return the rows of a report, at most one more than `limit` to show that there are more.

    A report that is one line a claim, the newest first, goes on `after` a claim; others at a row.
    """
    values: dict[str, Any] = {
        "after": after,
        "offset": offset,
        "org": current_org(),
        "start": wanted.start,
        "end": wanted.end,
        "on": wanted.on,
        "limit": limit + 1,
        "ages": list(AGES),
        **spans_asked(_spans(report, wanted)),
    }
    for name in ("product", "status", "claim_type", "cause", "reason", "decision", "age", "only"):
        if report.code == "register":
            values[name] = getattr(wanted, name)
    names = set(report.statement._bindparams)
    found = session.execute(
        report.statement, {name: value for name, value in values.items() if name in names}
    )
    return [_row(report, tuple(row)) for row in found]


def _spans(report: Report, wanted: ReportRequest) -> dict[int, tuple[date, date]]:
    """Return the days that a report adds up by the place of their row: all, or those of an age."""
    if report.code != "ageing":
        return {0: (wanted.start, wanted.end)}
    lasts = [wanted.end, *(wanted.on - timedelta(days=age + 1) for age in _AGES_END)]
    firsts = [*(last + timedelta(days=1) for last in lasts[1:]), wanted.start]
    spans = {
        place: (max(first, wanted.start), min(last, wanted.end))
        for place, (first, last) in enumerate(zip(firsts, lasts, strict=True))
    }
    return {place: span for place, span in spans.items() if span[0] <= span[1]}


def page_of_report(
    session: Session, report: Report, wanted: ReportRequest, *, limit: int, cursor: str | None
) -> Page[ReportRow]:
    """Return a page of a report. Raises DomainError for a position that it did not give."""
    if "after" in report.statement._bindparams:
        after = decode_cursor(cursor, 1, UUID)[0] if cursor else None
        rows = run_report(session, report, wanted, limit=limit, after=after)
        return page_of(rows, limit, lambda row: (row.claim_id,))
    offset = _offset(cursor)
    rows = run_report(session, report, wanted, limit=limit, offset=offset)
    return page_of(rows, limit, lambda _row: (offset + limit,))


def _offset(cursor: str | None) -> int:
    offset = int(decode_cursor(cursor, 1, int)[0]) if cursor else 0
    if not 0 <= offset <= MOST_ROWS:
        raise DomainError("This page link is not valid.", field="cursor")
    return offset


def file_rows(report: Report, found: Sequence[ReportRow], limit: int) -> Iterator[tuple[Any, ...]]:
    """Yield the cells of up to `limit` rows and a last line, which says whether any were cut."""
    kept = found[:limit]
    yield from (row.cells for row in kept)
    left_out = "none left out" if len(kept) == len(found) else "more were left out: choose fewer"
    yield (f"{len(kept)} rows, {left_out}", *[None] * (len(report.columns) - 1))


def _row(report: Report, row: tuple[Any, ...]) -> ReportRow:
    width = len(report.columns)
    cells, rest = row[:width], row[width:]
    if report.behind == ("claim",):
        return ReportRow(cells, claim_id=rest[0])
    behind = zip(report.behind, rest, strict=True)
    return ReportRow(
        cells, behind={name: str(value) for name, value in behind if value is not None}
    )


@dataclass(frozen=True, slots=True)
class LossRatio:
    """Premiums and claims of a product in a month, from the ledger, in rand.

    `premiums` are earned: what was charged, plus what was unearned before, less what is after.
    """

    product_id: UUID | None
    product_name: str
    month: date | None
    charged: Decimal
    premiums: Decimal
    unearned_before: Decimal
    unearned_after: Decimal
    claims: Decimal

    @property
    def ratio(self) -> Decimal | None:
        """Return claims by premiums in per cent, None without premiums."""
        return ratio_of(self.premiums, self.claims)


def ratio_of(premiums: Decimal, claims: Decimal) -> Decimal | None:
    """Return claims by premiums in per cent, None without premiums."""
    if premiums <= ZERO:
        return None
    return (claims * 100 / premiums).quantize(Decimal("0.1"), ROUND_HALF_UP)


LOSS_HEADER = (
    "Product",
    "Month",
    "Premiums charged",
    "Unearned before",
    "Unearned after",
    "Premiums earned",
    "Claims",
    "Loss ratio in per cent",
)
"""The columns of the loss ratio in a file."""


def loss_cells(one: LossRatio) -> tuple[Any, ...]:
    """Return a row of the loss ratio for a file."""
    return (
        one.product_name,
        one.month,
        one.charged,
        one.unearned_before,
        one.unearned_after,
        one.premiums,
        one.claims,
        one.ratio,
    )


class Side(StrEnum):
    """One of the figures of a loss ratio that have entries behind them."""

    PREMIUMS = "premiums"
    EARNED = "earned"
    CLAIMS = "claims"


@dataclass(frozen=True, slots=True)
class LossEntry:
    """An entry of the ledger as a figure of the loss ratio counts it."""

    id: UUID
    on: date
    policy_id: UUID | None
    policy_number: str | None
    description: str
    reference: str | None
    amount: Decimal


_ENTRIES = """
    SELECT t.id, t.effective_date, t.policy_id, p.policy_number, t.description, t.reference,
           CASE WHEN $increase THEN t.amount ELSE -t.amount END
    FROM ins.ledger_transfers t
    LEFT JOIN ins.policies p ON p.org_id = t.org_id AND p.id = t.policy_id
    WHERE t.org_id = :org AND t.effective_date BETWEEN :start AND :end AND ($accounts)
      AND (CAST(:product AS uuid) IS NULL OR p.product_id = :product)
      AND (t.effective_date, t.id) < (CAST(:before_on AS date), CAST(:before_id AS uuid))
    ORDER BY t.effective_date DESC, t.id DESC LIMIT :limit"""
EARNED_BY = """
    CASE WHEN $line.due_date IS NULL THEN $charge.amount
         WHEN $on < $line.due_date THEN 0
         WHEN $on >= $line.period_end - 1 THEN $charge.amount
         ELSE round($charge.amount * ($on - $line.due_date + 1)
                    / ($line.period_end - $line.due_date), 2) END"""
"""What of a charged premium is earned at the end of a day: the rule `earned_by`, in SQL.

A charge without a premium line has no period, and is earned on its day.
"""
SIGN = "CASE WHEN t.credit_account = 'PREMIUM_INCOME' THEN 1 ELSE -1 END"
CHARGES = """
    FROM ins.ledger_transfers t
    LEFT JOIN ins.premium_lines l ON l.org_id = t.org_id AND l.id = t.premium_line_id
    LEFT JOIN ins.policies p ON p.org_id = t.org_id AND p.id = t.policy_id
"""


def earned_by_sql(on: str, *, charge: str = "t", line: str = "l") -> str:
    """Return the SQL of what of a charge is earned at the end of the day that `on` is.

    `charge` has its amount, `line` the due date and the end of the period of its premium line.
    """
    return Template(EARNED_BY).substitute(on=on, charge=charge, line=line)


def _earned_between(first: str, last: str) -> str:
    """Return the SQL of what is earned in a span; what was charged in it has nothing before."""
    before = earned_by_sql(f"({first} - 1)")
    later = f"CASE WHEN t.effective_date < {first} THEN {before} ELSE 0 END"
    return f"({SIGN}) * ({earned_by_sql(last)} - {later})"


_EARNED_ENTRIES = """
    SELECT t.id, t.effective_date, t.policy_id, p.policy_number, t.description, t.reference, $earned
    $charges
    WHERE t.org_id = :org AND t.effective_date <= CAST(:end AS date)
      AND (t.credit_account = 'PREMIUM_INCOME' OR t.debit_account = 'PREMIUM_INCOME')
      AND (t.effective_date >= CAST(:start AS date) OR l.period_end >= CAST(:start AS date))
      AND (l.id IS NULL OR l.due_date <= CAST(:end AS date))
      AND (CAST(:product AS uuid) IS NULL OR p.product_id = :product)
      AND (t.effective_date, t.id) < (CAST(:before_on AS date), CAST(:before_id AS uuid))
    ORDER BY t.effective_date DESC, t.id DESC LIMIT :limit"""
_CLAIMS_ACCOUNTS = f"('{AccountCode.CLAIMS_INCURRED}', '{AccountCode.CLAIMS_RECOVERED}')"
_ENTRIES_OF = {
    Side.PREMIUMS: text(
        Template(_ENTRIES).substitute(
            increase="t.credit_account = 'PREMIUM_INCOME'",
            accounts="t.credit_account = 'PREMIUM_INCOME' OR t.debit_account = 'PREMIUM_INCOME'",
        )
    ),
    Side.EARNED: text(
        Template(_EARNED_ENTRIES).substitute(
            earned=_earned_between("CAST(:start AS date)", "CAST(:end AS date)"),
            charges=CHARGES,
        )
    ),
    Side.CLAIMS: text(
        Template(_ENTRIES).substitute(
            increase=f"t.debit_account IN {_CLAIMS_ACCOUNTS}",
            accounts=f"t.debit_account IN {_CLAIMS_ACCOUNTS}"
            f" OR t.credit_account IN {_CLAIMS_ACCOUNTS}",
        )
    ),
}


def page_of_loss_entries(
    session: Session,
    side: Side,
    *,
    start: date,
    end: date,
    product_id: UUID | None,
    limit: int,
    cursor: str | None = None,
) -> Page[LossEntry]:
    """Return a page of the entries that a figure of the loss ratio adds up, newest first."""
    parts = iter((date.fromisoformat, UUID))
    before = decode_cursor(cursor, 2, lambda typed: next(parts)(typed)) if cursor else None
    values = {
        "org": current_org(),
        "start": start,
        "end": end,
        "product": product_id,
        "before_on": before[0] if before else date.max,
        "before_id": before[1] if before else _NO_ID,
        "limit": limit + 1,
    }
    rows = [LossEntry(*row) for row in session.execute(_ENTRIES_OF[side], values)]
    return page_of(rows, limit, lambda entry: (entry.on, entry.id))


_LOSS = """
    WITH spans AS (
        SELECT $month AS month, greatest(CAST(d AS date), CAST(:start AS date)) AS first,
               least(CAST(d + $step AS date) - 1, CAST(:end AS date)) AS last
        FROM generate_series($origin, CAST(:end AS timestamp), $step) d),
    premiums AS (
        SELECT p.product_id, s.month,
               sum(CASE WHEN t.effective_date >= s.first THEN ($sign) * t.amount ELSE 0 END)
                   AS charged,
               sum($earned) AS earned,
               sum(CASE WHEN t.effective_date < s.first
                        THEN ($sign) * (t.amount - $before) ELSE 0 END) AS unearned_before,
               sum(($sign) * (t.amount - $after)) AS unearned_after,
               CAST(0 AS numeric) AS claims
        $charges
        JOIN spans s ON t.effective_date <= s.last
                    AND (t.effective_date >= s.first OR l.period_end >= s.first)
        WHERE t.org_id = :org AND t.effective_date <= CAST(:end AS date)
          AND (t.credit_account = 'PREMIUM_INCOME' OR t.debit_account = 'PREMIUM_INCOME')
          AND (CAST(:product AS uuid) IS NULL OR p.product_id = :product)
        GROUP BY 1, 2),
    claims AS (
        SELECT p.product_id, s.month, 0, 0, 0, 0,
               sum(CASE WHEN t.debit_account IN ('CLAIMS_INCURRED', 'CLAIMS_RECOVERED')
                        THEN t.amount ELSE -t.amount END)
        FROM ins.ledger_transfers t
        JOIN spans s ON t.effective_date BETWEEN s.first AND s.last
        LEFT JOIN ins.policies p ON p.org_id = t.org_id AND p.id = t.policy_id
        WHERE t.org_id = :org AND t.effective_date BETWEEN CAST(:start AS date) AND :end
          AND (t.debit_account IN ('CLAIMS_INCURRED', 'CLAIMS_RECOVERED')
               OR t.credit_account IN ('CLAIMS_INCURRED', 'CLAIMS_RECOVERED'))
          AND (CAST(:product AS uuid) IS NULL OR p.product_id = :product)
        GROUP BY 1, 2)
    SELECT b.product_id, coalesce(pr.name, 'No product'), b.month, sum(b.charged), sum(b.earned),
           sum(b.unearned_before), sum(b.unearned_after), sum(b.claims)
    FROM (SELECT * FROM premiums UNION ALL SELECT * FROM claims) b
    LEFT JOIN ins.products pr ON pr.org_id = :org AND pr.id = b.product_id
    GROUP BY 1, 2, 3 ORDER BY 2, 3"""


def _loss_statement(month: str, origin: str, step: str) -> TextClause:
    return text(
        Template(_LOSS).substitute(
            month=month,
            origin=origin,
            step=step,
            sign=SIGN,
            earned=_earned_between("s.first", "s.last"),
            before=earned_by_sql("(s.first - 1)"),
            after=earned_by_sql("s.last"),
            charges=CHARGES,
        )
    )


_BY_PRODUCT = _loss_statement(
    "CAST(NULL AS date)", "CAST(:start AS timestamp)", "interval '1000 years'"
)
_BY_MONTH = _loss_statement(
    "CAST(d AS date)", "date_trunc('month', CAST(:start AS timestamp))", "interval '1 month'"
)


def loss_ratios_of_ledger(
    session: Session,
    *,
    start: date,
    end: date,
    by_month: bool = False,
    product_id: UUID | None = None,
) -> list[LossRatio]:
    """Return premiums earned and claims per product, or per product and month, from the ledger.

    What was charged, less reversals, is earned plus the change of what is unearned. Claims are
    those incurred less what was recovered. This reads the whole ledger: it defines what the sums
    of `loss_figures` give.
    """
    statement = _BY_MONTH if by_month else _BY_PRODUCT
    values = {"org": current_org(), "start": start, "end": end, "product": product_id}
    return [LossRatio(*row) for row in session.execute(statement, values)]
