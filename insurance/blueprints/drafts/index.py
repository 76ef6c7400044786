"""The list of a person's own drafts."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from flask import Response, request
from sqlalchemy.orm import Session

from insurance.blueprints.drafts import bp
from insurance.core.context import current_actor
from insurance.drafts import queries, services
from insurance.drafts.permissions import DraftsMay
from insurance.drafts.queries import KeptWords
from insurance.drafts.rules import KEPT_FOR, MOST_DRAFTS
from insurance.web import lists
from insurance.web.access import requires


@bp.route("", methods=["GET", "POST"])
@requires(DraftsMay.KEEP)
def index() -> Response:
    """List what the person has begun and not saved, to go on with or to discard."""
    return lists.show(_DRAFTS)


def own_drafts(session: Session, narrowed: Mapping[str, Any]) -> Sequence[KeptWords]:
    """Return the person's drafts, the newest first."""
    user_id = current_actor().user_id
    if user_id is None:
        return []
    found = narrowed.get("found")
    return queries.list_drafts(session, user_id, limit=MOST_DRAFTS, found=found)


def url_of(draft: KeptWords) -> str:
    """Return where a draft is gone on with: its form, which asks for its own permission."""
    return f"{request.script_root}{draft.address}"


def _discard(draft_id: UUID, _form: Any) -> str:
    services.discard_draft(draft_id)
    return "Discarded"


_DRAFTS = lists.ListScreen(
    title="My drafts",
    caption="My drafts, newest first",
    rows_of=own_drafts,
    record=url_of,
    columns=lists.columns(
        "title: Form | about: About | saved_at: Last typed, moment, key",
        "kept_until: Kept until, day",
        kept_until=lambda draft: (draft.saved_at + KEPT_FOR).date(),
    ),
    acts=[
        lists.BulkAct(
            "discard",
            "Discard",
            DraftsMay.KEEP,
            "What was typed in {count} is deleted. Nothing that was saved changes.",
            _discard,
            is_dangerous=True,
        )
    ],
    empty=lists.Empty(
        "You have no drafts",
        f"What you type into a form is kept here until you save it, for {KEPT_FOR.days} days. "
        "Nobody else sees it.",
    ),
    is_exported=False,
    rows=MOST_DRAFTS,
)
