"""What the person began and has not saved, on the start page."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from insurance.blueprints.drafts.index import own_drafts, url_of
from insurance.drafts.permissions import DraftsMay
from insurance.web.drafts import clock_time
from insurance.web.home import SHOWN, HomeItem, HomeWork


def _mine(session: Session, _now: datetime) -> Sequence[HomeItem]:
    return [
        HomeItem(
            draft.title,
            url_of(draft),
            ", ".join(filter(None, (draft.about, f"typed {clock_time(draft.saved_at)}"))),
        )
        for draft in own_drafts(session, {})[:SHOWN]
    ]


HOME = (HomeWork("My drafts", DraftsMay.KEEP, 15, "drafts.index", _mine, {}),)
