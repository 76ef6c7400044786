"""The loss ratio from sums by day and month: kept ones, and what was posted since they were counted.

`reports.loss_ratios_of_ledger` says the same from the ledger alone, and a test holds the two
together. What a premium earns by a day is rounded once a premium, so what all earn on a day is a
plain sum, and a span's is the sum of its days'.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from string import Template
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.claims.reports import CHARGES, SIGN, LossRatio, earned_by_sql
from insurance.core.figures import FIRST_DAY, PIECES, SPANS, spans_asked
from insurance.core.money import ZERO
from insurance.core.period import add_months
from insurance.core.reading import constant, read_rows
from insurance.core.tenancy import current_org
from insurance.ledger.figures import on_counting
from insurance.policies.replay import add_checks

_BEFORE = -1
"""The place of what lies before the period; its months are 0, 1, …"""
_NO_PRODUCT = UUID(int=0)
_PREMIUM = "(t.credit_account = 'PREMIUM_INCOME' OR t.debit_account = 'PREMIUM_INCOME')"
_CLAIM = """(t.debit_account IN ('CLAIMS_INCURRED', 'CLAIMS_RECOVERED')
             OR t.credit_account IN ('CLAIMS_INCURRED', 'CLAIMS_RECOVERED'))"""
_LOST = """CASE WHEN t.debit_account IN ('CLAIMS_INCURRED', 'CLAIMS_RECOVERED')
                THEN t.amount ELSE -t.amount END"""
_PRODUCT = "coalesce(p.product_id, CAST('00000000-0000-0000-0000-000000000000' AS uuid))"

_BY_DAY = """
    SELECT t.org_id, $product AS product_id, t.effective_date AS day,
           CASE WHEN $premium THEN ($sign) * t.amount ELSE 0 END AS charged,
           CAST(0 AS numeric) AS earned, CASE WHEN $claim THEN $lost ELSE 0 END AS claims
    $charges WHERE t.org_id = :org AND ($premium OR $claim) AND $chosen
    UNION ALL
    SELECT e.org_id, e.product_id, e.day + x.later, 0,
           CASE x.later WHEN 0 THEN e.earned ELSE -e.earned_before END, 0
    FROM (
        SELECT a.org_id, a.product_id, a.first + n AS day, sum(a.charges * $earned) AS earned,
               sum(a.charges * $earned) FILTER (WHERE a.first + n < a.last) AS earned_before
        FROM (
            SELECT t.org_id, $product AS product_id, t.amount, l.due_date, l.period_end,
                   greatest(t.effective_date, l.due_date) AS first,
                   greatest(t.effective_date, l.due_date, l.period_end - 1) AS last,
                   sum($sign) AS charges
            $charges WHERE t.org_id = :org AND $premium AND $chosen
            GROUP BY 1, 2, 3, 4, 5, 6, 7) a
        CROSS JOIN LATERAL generate_series(0, a.last - a.first) n
        GROUP BY 1, 2, 3) e
    CROSS JOIN (VALUES (0), (1)) x(later)
    WHERE x.later = 0 OR e.earned_before <> 0"""
"""What transfers add to the sums of days: charged and lost on theirs, earned from then on.

Charges that are alike are earned together. What is earned by a day, less what was by the day
before, is earned on it.
"""


def _by_day(chosen: str) -> str:
    return Template(_BY_DAY).substitute(
        product=_PRODUCT,
        premium=_PREMIUM,
        claim=_CLAIM,
        lost=_LOST,
        sign=SIGN,
        charges=CHARGES,
        earned=earned_by_sql("(a.first + n)", charge="a", line="a"),
        chosen=chosen,
    )


_ADD = text(
    Template(
        """
    INSERT INTO ins.loss_figures (org_id, grain, day, product_id, charged, earned, claims)
    SELECT b.org_id, g.grain,
           CASE WHEN g.grain = 'DAY' THEN b.day ELSE CAST(date_trunc('month', b.day) AS date) END,
           b.product_id, sum(b.charged), sum(b.earned), sum(b.claims)
    FROM (SELECT d.org_id, d.product_id, d.day, sum(d.charged) AS charged, sum(d.earned) AS earned,
                 sum(d.claims) AS claims
          FROM ($days) d GROUP BY d.org_id, d.product_id, d.day) b
    CROSS JOIN (VALUES ('DAY'), ('MONTH')) g(grain)
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (org_id, grain, day, product_id) DO UPDATE SET
        charged = loss_figures.charged + excluded.charged,
        earned = loss_figures.earned + excluded.earned,
        claims = loss_figures.claims + excluded.claims"""
    ).substitute(days=_by_day("t.id = ANY(CAST(:ids AS uuid[]))"))
)
"""Adds transfers to the sums, in an order in which no two who add wait for each other."""
on_counting(_ADD)

_KEPT = Template(
    """
    WITH pieces AS ($pieces)
    SELECT f.product_id, coalesce(pr.name, 'No product'), x.place, sum(f.charged), sum(f.earned),
           sum(f.claims), EXISTS (SELECT FROM ins.ledger_uncounted u WHERE u.org_id = :org)
    FROM pieces x
    JOIN ins.loss_figures f ON f.grain = x.grain AND f.day BETWEEN x.first AND x.last
    LEFT JOIN ins.products pr ON pr.org_id = :org AND pr.id = f.product_id
    WHERE f.org_id = :org $kept_of
    GROUP BY 1, 2, 3 ORDER BY 2, 1, 3"""
)
"""What is kept, and whether anything was posted since: if not, it is the whole."""
_FIGURES = Template(
    """
    WITH pieces AS ($pieces), spans AS ($spans),
    kept AS (
        SELECT f.product_id, x.place, f.charged, f.earned, f.claims
        FROM pieces x
        JOIN ins.loss_figures f ON f.grain = x.grain AND f.day BETWEEN x.first AND x.last
        WHERE f.org_id = :org $kept_of),
    since AS (
        SELECT $product AS product_id, s.place,
               CASE WHEN $premium AND t.effective_date BETWEEN s.first AND s.last
                    THEN ($sign) * t.amount ELSE 0 END AS charged,
               CASE WHEN $premium THEN ($sign) * (
                    CASE WHEN t.effective_date <= s.last THEN $by_last ELSE 0 END
                    - CASE WHEN t.effective_date < s.first THEN $by_first ELSE 0 END)
                    ELSE 0 END AS earned,
               CASE WHEN $claim AND t.effective_date BETWEEN s.first AND s.last
                    THEN $lost ELSE 0 END AS claims
        $charges
        JOIN (SELECT unnest(transfer_ids) AS id FROM ins.ledger_uncounted WHERE org_id = :org) u
            ON u.id = t.id
        CROSS JOIN spans s
        WHERE t.org_id = :org AND ($premium OR $claim) $since_of)
    SELECT b.product_id, coalesce(pr.name, 'No product'), b.place, sum(b.charged), sum(b.earned),
           sum(b.claims)
    FROM (SELECT * FROM kept UNION ALL SELECT * FROM since) b
    LEFT JOIN ins.products pr ON pr.org_id = :org AND pr.id = b.product_id
    GROUP BY 1, 2, 3 ORDER BY 2, 1, 3"""
)
"""Both parts in one statement: in two, what is counted between them would be there twice."""


@cache
def _statement(template: Template, of_product: bool) -> str:
    return constant(
        template.substitute(
            product=_PRODUCT,
            premium=_PREMIUM,
            claim=_CLAIM,
            lost=_LOST,
            sign=SIGN,
            charges=CHARGES,
            by_last=earned_by_sql("s.last"),
            by_first=earned_by_sql("(s.first - 1)"),
            pieces=PIECES,
            spans=SPANS,
            kept_of="AND f.product_id = :product" if of_product else "",
            since_of="AND p.product_id = :product" if of_product else "",
        )
    )


def _read_figures(session: Session, values: dict[str, Any]) -> list[Any]:
    """Return (product, name, place, charged, earned, claims) of what is kept and what came since.

    A worker counts what is posted within seconds, so that mostly nothing came since, and the
    short statement will do, whose plan the server keeps.
    """
    of_product = values["product"] is not None
    kept = read_rows(session, _statement(_KEPT, of_product), values)
    if kept and not kept[0][-1]:
        return [row[:-1] for row in kept]
    return read_rows(session, _statement(_FIGURES, of_product), values)


def loss_ratios(
    session: Session,
    *,
    start: date,
    end: date,
    by_month: bool = False,
    product_id: UUID | None = None,
) -> list[LossRatio]:
    """Return premiums earned and claims per product, or per product and month.

    What was charged, less reversals, is earned plus the change of what is unearned. Claims are
    those incurred less what was recovered. A product without any of it is left out.
    """
    months = list_loss_months(session, start=start, end=end, product_id=product_id)
    return months if by_month else whole_of(months)


def list_loss_months(
    session: Session, *, start: date, end: date, product_id: UUID | None = None
) -> list[LossRatio]:
    """Return the figures per product and calendar month of a period, as far as it lies in it."""
    if start > end:
        return []
    spans = list(_months(start, end))
    values = {
        "org": current_org(),
        "product": product_id,
        **spans_asked({_BEFORE: (FIRST_DAY, start - timedelta(days=1)), **dict(enumerate(spans))}),
    }
    found: dict[tuple[UUID, str], dict[int, Sequence[Decimal]]] = {}
    for product, name, place, *sums in _read_figures(session, values):
        found.setdefault((product, name), {})[place] = sums
    return [
        month
        for (product, name), sums in found.items()
        for month in _months_of(product, name, sums, [first for first, _last in spans])
    ]


def whole_of(months: Sequence[LossRatio]) -> list[LossRatio]:
    """Return what the months of each product come to together."""
    found: dict[UUID | None, list[LossRatio]] = {}
    for month in months:
        found.setdefault(month.product_id, []).append(month)
    return [
        LossRatio(
            product_id=product_id,
            product_name=one[0].product_name,
            month=None,
            charged=sum((month.charged for month in one), ZERO),
            premiums=sum((month.premiums for month in one), ZERO),
            unearned_before=one[0].unearned_before,
            unearned_after=one[-1].unearned_after,
            claims=sum((month.claims for month in one), ZERO),
        )
        for product_id, one in found.items()
    ]


def _months_of(
    product_id: UUID, name: str, sums: dict[int, Sequence[Decimal]], firsts: Sequence[date]
) -> Iterator[LossRatio]:
    nothing = (ZERO, ZERO, ZERO)
    charged, earned, _claims = sums.get(_BEFORE, nothing)
    unearned = charged - earned
    for place, first in enumerate(firsts):
        charged, earned, claims = sums.get(place, nothing)
        before, unearned = unearned, unearned + charged - earned
        if any((charged, earned, claims, before, unearned)):
            yield LossRatio(
                product_id=None if product_id == _NO_PRODUCT else product_id,
                product_name=name,
                month=first.replace(day=1),
                charged=charged,
                premiums=earned,
                unearned_before=before,
                unearned_after=unearned,
                claims=claims,
            )


def _months(start: date, end: date) -> Iterator[tuple[date, date]]:
    first = start
    while first <= end:
        following = add_months(first.replace(day=1), 1)
        yield first, min(end, following - timedelta(days=1))
        first = following


add_checks(
    {
        "loss ratio of {0}, {1} {2}: the ledger gives {3}, {4} and {5}, kept are {6}, {7} and {8}": Template(
            """
        WITH uncounted AS MATERIALIZED (
            SELECT unnest(transfer_ids) AS id FROM ins.ledger_uncounted WHERE org_id = :org
        ), days AS (
            SELECT product_id, day, sum(charged) AS charged, sum(earned) AS earned,
                   sum(claims) AS claims
            FROM ($days) d GROUP BY product_id, day
        ), counted AS (
            SELECT g.grain, product_id, CASE WHEN g.grain = 'DAY' THEN day
                       ELSE CAST(date_trunc('month', day) AS date) END AS day,
                   sum(charged) AS charged, sum(earned) AS earned, sum(claims) AS claims
            FROM days CROSS JOIN (VALUES ('DAY'), ('MONTH')) g(grain) GROUP BY 1, 2, 3
        ), kept AS (
            SELECT grain, product_id, day, charged, earned, claims
            FROM ins.loss_figures WHERE org_id = :org
        )
        SELECT coalesce(pr.name, 'no product'), lower(grain), day,
               coalesce(c.charged, 0), coalesce(c.earned, 0), coalesce(c.claims, 0),
               coalesce(k.charged, 0), coalesce(k.earned, 0), coalesce(k.claims, 0)
        FROM counted c FULL JOIN kept k USING (grain, product_id, day)
        LEFT JOIN ins.products pr ON pr.org_id = :org AND pr.id = product_id
        WHERE (coalesce(c.charged, 0), coalesce(c.earned, 0), coalesce(c.claims, 0))
           <> (coalesce(k.charged, 0), coalesce(k.earned, 0), coalesce(k.claims, 0))
        LIMIT :most"""
        ).substitute(days=_by_day("t.id NOT IN (SELECT id FROM uncounted)"))
    }
)
