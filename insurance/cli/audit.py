"""`insurance audit`: verify the log, prove an entry, anchor the seals."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from flask import current_app

from insurance.audit_logs import rules, sealing
from insurance.audit_logs.queries import get_event
from insurance.cli.context import inside, org_option
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import NotFoundError


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
    help="An anchor file; without one a cut tail cannot be seen.",
)
def verify(slug: str, first: int | None, last: int | None, anchor: Path | None) -> None:
    """Check every entry against the signed seals; ends with 1 if anything is wrong.

    Names each edited, removed, inserted or unsealed entry.
    """
    with inside(slug) as org_id:
        anchors = sealing.anchors_of(_lines(anchor), org_id) if anchor else {}
        report = sealing.verify(
            rules.public_key(current_app.config["SETTINGS"].seal_key),
            now=clock.now(),
            first=first,
            last=last,
            anchors=anchors,
        )
    click.echo(
        f"{report.events} entries in {report.seals} seals"
        f" ({report.first_seal or '-'} to {report.last_seal or '-'}), {report.unsealed} unsealed"
    )
    for problem in report.problems:
        click.echo(f"PROBLEM: {problem}")
    click.echo("Not intact." if report.problems else "Intact.")
    sys.exit(1 if report.problems else 0)


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
        newest = sealing.newest_seal(db.session())
        if newest is None:
            raise click.ClickException("There is no seal yet.")
        line = {
            "org_id": str(org_id),
            "seal_no": newest.seal_no,
            "hash": bytes(newest.hash).hex(),
            "anchored_at": clock.now().isoformat(),
        }
    with file.open("a") as kept:
        kept.write(json.dumps(line) + "\n")
    click.echo(f"Seal {line['seal_no']} is anchored in {file}.")


@audit.command("public-key")
@org_option
def public_key(slug: str) -> None:
    """Print the public key that seals are checked with, in hexadecimal."""
    with inside(slug):
        click.echo(rules.public_key(current_app.config["SETTINGS"].seal_key).hex())


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    for text in file.read_text().splitlines():
        if text.strip():
            yield json.loads(text)
