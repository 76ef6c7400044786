"""The floor of month-end: its rows, written again by bare SQL into a copy of the database.

What the application inserted and changed is staged in the copy, by chunk. Two processes then write
it, each chunk one transaction, under the same role, row-level security, indexes and constraints.
"""

import multiprocessing
import resource
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

import psycopg

COPY = "insurance_floor"
CHUNK = 5_000
_INSERTED = (
    "premium_lines",
    "policy_events",
    "policy_versions",
    "endorsements",
    "policy_benefit_layers",
    "ledger_transfers",
    "allocations",
    "mails",
    "audit_events",
)
"""In the order the foreign keys want."""
_POLICY_OF = {
    "policy_benefit_layers": (
        "(SELECT b.policy_id FROM ins.policy_benefits b"
        " WHERE b.org_id = t.org_id AND b.id = t.policy_benefit_id)"
    ),
    "allocations": (
        "(SELECT r.policy_id FROM ins.receipts r WHERE r.org_id = t.org_id AND r.id = t.receipt_id)"
    ),
    "mails": "CAST(NULL AS uuid)",
    "audit_events": "(CASE WHEN t.resource = 'policies' THEN CAST(t.resource_id AS uuid) END)",
}
_UPDATES = {
    "premium_lines": (
        "id",
        "amount",
        "status",
        "posted_at",
        "paid_amount",
        "paid_date",
        "payment_reference",
    ),
    "policies": (
        "id",
        "status",
        "ended_on",
        "premium",
        "coverage_amount",
        "current_version",
        "rating",
        "updated_at",
    ),
    "policy_benefits": ("id", "premium", "sum_assured"),
    "month_end_watermarks": ("policy_id", "closed_through"),
}
"""What changes of rows that were there before: the key, then the columns."""
_MARKED = (*_INSERTED, "policies", "policy_benefits")


def copy_database(admin: psycopg.Connection[Any]) -> None:
    """Copy the database as it stands, file by file."""
    admin.execute(f"DROP DATABASE IF EXISTS {COPY}")
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = 'insurance' AND pid <> pg_backend_pid()"
    )
    admin.execute(f"CREATE DATABASE {COPY} TEMPLATE insurance STRATEGY file_copy")
    # The copy's files are warm and written out, as those of the original are.
    admin.execute("CHECKPOINT")


@dataclass(frozen=True, slots=True)
class Marks:
    """A moment of the database: the newest id of each table (ids sort by time), the transaction."""

    newest: dict[str, UUID]
    transaction: int


def marks(admin: psycopg.Connection[Any]) -> Marks:
    """Return this moment."""
    newest = {}
    for table in _MARKED:
        row = admin.execute(f"SELECT id FROM ins.{table} ORDER BY id DESC LIMIT 1").fetchone()  # noqa: S608
        newest[table] = row[0] if row else UUID(int=0)
    found = admin.execute("SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)").fetchone()
    return Marks(newest, found[0])


def stage_rows(
    admin: psycopg.Connection[Any], copy: psycopg.Connection[Any], marked: Marks
) -> dict[str, int]:
    """Carry what was written since over to the copy, by chunk; return the rows of each table."""
    copy.execute("DROP SCHEMA IF EXISTS floor CASCADE")
    copy.execute("CREATE SCHEMA floor")
    copy.execute("GRANT USAGE ON SCHEMA floor TO ins_app")
    for one in (admin, copy):
        one.execute("DROP TABLE IF EXISTS public.floor_chunks")
        one.execute(
            "CREATE TABLE public.floor_chunks AS SELECT org_id, id,"
            " (row_number() OVER (PARTITION BY org_id ORDER BY id) - 1) / %s AS chunk"
            " FROM ins.policies",
            [CHUNK],
        )
    admin.execute("CREATE UNIQUE INDEX ON public.floor_chunks (org_id, id)")
    admin.execute("ANALYZE public.floor_chunks")
    found: dict[str, int] = {}
    for table in _INSERTED:
        policy = _POLICY_OF.get(table, "t.policy_id")
        rows = f"SELECT t.*, {policy} AS of_policy FROM ins.{table} t WHERE t.id > %(newest)s"  # noqa: S608
        newest = marked.newest[table]
        found[table] = _carry(admin, copy, f"new_{table}", rows, {"newest": newest})
    for table, columns in _UPDATES.items():
        rows, values = _changed(table, columns, marked)
        found[f"changed {table}"] = _carry(admin, copy, table, rows, values)
    copy.execute("ANALYZE")
    copy.execute("CHECKPOINT")
    return found


def _changed(table: str, columns: Sequence[str], marked: Marks) -> tuple[str, dict[str, Any]]:
    """Return what selects the rows of a table that were there at a moment and have changed since."""
    policy = "id" if table == "policies" else "policy_id"
    values: dict[str, Any] = {"since": marked.transaction}
    rows = (
        f"SELECT t.org_id, {', '.join(columns)}, t.{policy} AS of_policy FROM ins.{table} t"  # noqa: S608
        " WHERE CAST(CAST(t.xmin AS text) AS bigint) >= %(since)s"
    )
    if columns[0] == "id":
        values["newest"] = marked.newest[table]
        rows += " AND t.id <= %(newest)s"
    return rows, values


def _carry(
    admin: psycopg.Connection[Any],
    copy: psycopg.Connection[Any],
    name: str,
    rows: str,
    values: dict[str, Any],
) -> int:
    admin.execute(f"DROP TABLE IF EXISTS public.floor_{name}")
    admin.execute(
        f"CREATE TABLE public.floor_{name} AS"  # noqa: S608
        f" SELECT r.*, coalesce(c.chunk, 0) AS chunk FROM ({rows}) r"
        " LEFT JOIN public.floor_chunks c ON c.org_id = r.org_id AND c.id = r.of_policy"
        " ORDER BY 1, chunk, 2",
        values,
    )
    columns = admin.execute(
        "SELECT string_agg(format('%%I %%s', attname, format_type(atttypid, atttypmod)), ', '"
        " ORDER BY attnum) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0",
        [f"public.floor_{name}"],
    ).fetchone()[0]
    copy.execute(f"CREATE TABLE floor.{name} ({columns})")
    with (
        admin.cursor().copy(f"COPY public.floor_{name} TO STDOUT (FORMAT binary)") as read,
        copy.cursor().copy(f"COPY floor.{name} FROM STDIN (FORMAT binary)") as write,
    ):
        for block in read:
            write.write(block)
    copy.execute(f"CREATE INDEX ON floor.{name} (org_id, chunk)")
    copy.execute(f"GRANT SELECT ON floor.{name} TO ins_app")
    counted = admin.execute(f"SELECT count(*) FROM public.floor_{name}").fetchone()[0]  # noqa: S608
    admin.execute(f"DROP TABLE public.floor_{name}")
    return int(counted)


def write(url: str, orgs: Sequence[UUID], workers: int) -> list[int]:
    """Write the staged rows, each chunk one transaction; return the peak memory of each process."""
    with psycopg.connect(url) as connection:
        work = [(org, chunk) for org in orgs for chunk in _chunks(connection, org)]
        columns = {table: _columns(connection, table) for table in _INSERTED}
    context = multiprocessing.get_context("fork")
    peaks = context.Queue()

    def one(mine: Iterator[tuple[UUID, int]]) -> None:
        with psycopg.connect(url, prepare_threshold=1) as connection:
            for org, chunk in mine:
                _write_chunk(connection, org, chunk, columns)
        peaks.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

    processes = [
        context.Process(target=one, args=(list(islice(work, at, None, workers)),))
        for at in range(workers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"A writer ended with {process.exitcode}.")
    return [peaks.get() for _ in processes]


def _chunks(connection: psycopg.Connection[Any], org: UUID) -> list[int]:
    found = connection.execute(
        "SELECT DISTINCT chunk FROM floor.month_end_watermarks WHERE org_id = %s ORDER BY chunk",
        [org],
    )
    return [row[0] for row in found]


def _columns(connection: psycopg.Connection[Any], table: str) -> str:
    found = connection.execute(
        "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = ''",
        [f"ins.{table}"],
    )
    return str(found.fetchone()[0])


def _write_chunk(
    connection: psycopg.Connection[Any], org: UUID, chunk: int, columns: dict[str, str]
) -> None:
    values = {"org": org, "chunk": chunk}
    with connection.transaction():
        connection.execute(f"SET LOCAL app.org_id = '{org}'")
        for table in _INSERTED:
            connection.execute(
                f"INSERT INTO ins.{table} ({columns[table]}) SELECT {columns[table]}"  # noqa: S608
                f" FROM floor.new_{table} WHERE org_id = %(org)s AND chunk = %(chunk)s",
                values,
            )
        for table, (key, *changed) in _UPDATES.items():
            wanted = ", ".join(f"{name} = s.{name}" for name in changed)
            connection.execute(
                f"UPDATE ins.{table} t SET {wanted} FROM floor.{table} s"  # noqa: S608
                " WHERE s.org_id = %(org)s AND s.chunk = %(chunk)s"
                f" AND t.org_id = s.org_id AND t.{key} = s.{key}",
                values,
            )
