"""The floor of month-end: its rows, written again by bare SQL into a copy of the database.

What the application inserted and changed is staged in the copy, by chunk. Two processes then write
it, each chunk one transaction, under the same role, row-level security, indexes and constraints.
"""

import multiprocessing
import resource
from collections.abc import Iterator, Sequence
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
    "audit_events",
)
"""In the order the foreign keys want."""
_POLICY_OF = {
    "policy_benefit_layers": (
        "(SELECT b.policy_id FROM ins.policy_benefits b"
        " WHERE b.org_id = t.org_id AND b.id = t.policy_benefit_id)"
    ),
    "audit_events": "(CASE WHEN t.resource = 'policies' THEN CAST(t.resource_id AS uuid) END)",
}
_UPDATES = {
    "lines": (
        "SELECT org_id, id, policy_id, amount, status, posted_at FROM ins.premium_lines t"
        " WHERE posted_at >= %(at)s OR status = 'OVERDUE' AND due_date >= %(due)s"
    ),
    "policies": (
        "SELECT org_id, id, id AS policy_id, premium, coverage_amount, current_version, rating,"
        " updated_at FROM ins.policies t WHERE updated_at >= %(at)s"
    ),
    "benefits": (
        "SELECT b.org_id, b.id, b.policy_id, b.premium, b.sum_assured FROM ins.policy_benefits b"
        " JOIN ins.policies t ON t.org_id = b.org_id AND t.id = b.policy_id"
        " WHERE t.updated_at >= %(at)s"
    ),
    "watermarks": "SELECT org_id, policy_id, closed_through FROM ins.month_end_watermarks t",
}
_WRITES = (
    "UPDATE ins.premium_lines l SET amount = s.amount, status = s.status, posted_at = s.posted_at"
    " FROM floor.lines s WHERE s.org_id = %(org)s AND s.chunk = %(chunk)s"
    " AND l.org_id = s.org_id AND l.id = s.id",
    "UPDATE ins.policies p SET premium = s.premium, coverage_amount = s.coverage_amount,"
    " current_version = s.current_version, rating = s.rating, updated_at = s.updated_at"
    " FROM floor.policies s WHERE s.org_id = %(org)s AND s.chunk = %(chunk)s"
    " AND p.org_id = s.org_id AND p.id = s.id",
    "UPDATE ins.policy_benefits b SET premium = s.premium, sum_assured = s.sum_assured"
    " FROM floor.benefits s WHERE s.org_id = %(org)s AND s.chunk = %(chunk)s"
    " AND b.org_id = s.org_id AND b.id = s.id",
    "UPDATE ins.month_end_watermarks w SET closed_through = s.closed_through"
    " FROM floor.watermarks s WHERE s.org_id = %(org)s AND s.chunk = %(chunk)s"
    " AND w.org_id = s.org_id AND w.policy_id = s.policy_id",
)


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


def marks(admin: psycopg.Connection[Any]) -> dict[str, UUID]:
    """Return the newest id of each table: ids sort by time."""
    return {
        table: admin.execute(
            f"SELECT id FROM ins.{table} ORDER BY id DESC LIMIT 1"  # noqa: S608
        ).fetchone()[0]
        if admin.execute(f"SELECT EXISTS (SELECT FROM ins.{table})").fetchone()[0]  # noqa: S608
        else UUID(int=0)
        for table in _INSERTED
    }


def stage_rows(
    admin: psycopg.Connection[Any], copy: psycopg.Connection[Any], marked: dict[str, UUID]
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
    for table, newest in marked.items():
        policy = _POLICY_OF.get(table, "t.policy_id")
        rows = f"SELECT t.*, {policy} AS of_policy FROM ins.{table} t WHERE t.id > %(newest)s"  # noqa: S608
        found[table] = _carry(admin, copy, table, rows, {"newest": newest})
    at = admin.execute(
        "SELECT min(posted_at) FROM ins.ledger_transfers WHERE id > %(newest)s",
        {"newest": marked["ledger_transfers"]},
    ).fetchone()[0]
    due = admin.execute("SELECT min(process_date) - 31 FROM ins.month_end_runs").fetchone()[0]
    for name, wanted in _UPDATES.items():
        rows = f"SELECT u.*, u.policy_id AS of_policy FROM ({wanted}) u"  # noqa: S608
        found[name] = _carry(admin, copy, name, rows, {"at": at, "due": due})
    copy.execute("ANALYZE")
    copy.execute("CHECKPOINT")
    return found


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
        "SELECT DISTINCT chunk FROM floor.watermarks WHERE org_id = %s ORDER BY chunk", [org]
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
                f" FROM floor.{table} WHERE org_id = %(org)s AND chunk = %(chunk)s",
                values,
            )
        for statement in _WRITES:
            connection.execute(statement, values)
