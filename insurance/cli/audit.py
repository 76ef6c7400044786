"""`insurance audit`: verify the log, prove an entry, anchor the seals."""

import json
import sys
from datetime import datetime
from pathlib import Path
from uuid import UUID

import click
from flask import current_app

from insurance.audit_logs import anchors, rules, sealing
from insurance.audit_logs.queries import get_event
from insurance.cli.context import inside, org_option
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.organizations.queries import get_organization


@click.group()
def audit() -> None:
    """The audit log's seals."""


@audit.command()
@org_option
@click.option("--from", "first", type=int, help="First seal to check; default: the first.")
@click.option("--to", "last", type=int, help="Last seal to check; default: the newest.")
@click.option(
    "--anchor",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An anchor file; default: the one in the configured place.",
)
def verify(slug: str, first: int | None, last: int | None, anchor: Path | None) -> None:
    """Check every entry against the signed seals, and the seals against their anchors.

    Ends with 0 where the log is intact and anchored, with 3 where it is intact and its newest
    anchor is missing or over two hours old, with 1 where anything is wrong. Names each edited,
    removed, inserted, misdated or unsealed entry.
    """
    with inside(slug) as org_id:
        settings, now = current_app.config["SETTINGS"], clock.now()
        file = anchor or (settings.anchors and anchors.file_of(settings.anchors, org_id))
        try:
            kept = anchors.read_anchors(file, org_id) if file else []
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        report = sealing.verify(
            rules.public_key(settings.seal_key),
            now=now,
            first=first,
            last=last,
            anchors=kept,
            opened_at=get_organization(db.session()).created_at,
        )
    click.echo(
        f"{report.events} entries in {report.seals} seals"
        f" ({report.first_seal or '-'} to {report.last_seal or '-'}), {report.unsealed} unsealed"
    )
    for problem in report.problems:
        click.echo(f"PROBLEM: {problem}")
    words, status = _verdict(report, now)
    click.echo(words)
    sys.exit(status)


def _verdict(report: sealing.SealReport, now: datetime) -> tuple[str, int]:
    """Return the closing line of a verification and the exit status."""
    if report.problems:
        return "NOT INTACT", 1
    if report.anchored_at is None:
        return "INTACT, NEVER ANCHORED: a log deleted with its seals could not be told", 3
    since = f"{report.anchored_at:%Y-%m-%d %H:%M} UTC (seal {report.anchored_seal})"
    if report.anchored_seal != report.last_seal and now - report.anchored_at > anchors.OLD_AFTER:
        return f"INTACT, NOT ANCHORED SINCE {since}", 3
    return f"INTACT AND ANCHORED on {since}", 0


@audit.command()
@org_option
@click.argument("event_id", type=click.UUID)
def proof(slug: str, event_id: UUID) -> None:
    """Print a proof that an entry is in a signed seal.

    Check it offline with insurance/audit_logs/check_proof.py and the public key.
    """
    with inside(slug) as org_id:
        try:
            event = get_event(db.session(), event_id)
        except NotFoundError as error:
            raise click.ClickException("There is no such entry.") from error
        found = sealing.find_proof(db.session(), event_id)
        if found is None:
            raise click.ClickException("This entry is not sealed yet. Try again in a second.")
        click.echo(
            json.dumps(
                {
                    "org_id": str(org_id),
                    "event": sealing.said_by(event),
                    "event_hash": found.event_hash.hex(),
                    "leaf_index": found.leaf_index,
                    "path": [[side, sibling.hex()] for side, sibling in found.path],
                    "seal_no": found.seal_no,
                    "size": found.size,
                    "root": found.root.hex(),
                    "prev_hash": found.prev_hash.hex(),
                    "signature": found.signature.hex(),
                },
                indent=2,
            )
        )


@audit.command()
@org_option
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def anchor(slug: str, file: Path) -> None:
    """Append the newest seal to a file that is kept outside the database."""
    with inside(slug) as org_id:
        if not anchors.add_anchor(file, org_id, clock.now()):
            raise click.ClickException("There is no seal yet.")


@audit.command("public-key")
@org_option
def public_key(slug: str) -> None:
    """Print the public key that seals are checked with, in hexadecimal."""
    with inside(slug):
        click.echo(rules.public_key(current_app.config["SETTINGS"].seal_key).hex())
