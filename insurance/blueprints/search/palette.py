"""The search box: what was typed is answered, and nothing else."""

from flask import Response, request

from insurance.blueprints.search import bp
from insurance.blueprints.search.records import find_records, list_my_last
from insurance.blueprints.search.result import SearchResult
from insurance.blueprints.search.verbs import list_commands, say_to_records
from insurance.core.db import db
from insurance.web.access import signed_in
from insurance.web.html import page
from insurance.web.navigation import rail


@bp.route("")
@signed_in
def palette() -> Response:
    """Show what answers to what was typed; nothing typed shows one's last records and the pages."""
    q, session = " ".join(request.args.get("q", "").split())[:100], db.session()
    groups = [("Do", list_commands(q)), ("Go to", _pages(q))]
    if len(q) >= 2 or not q.isascii():
        groups = [*say_to_records(session, q), *find_records(session, q), *groups]
    elif not q:
        groups = [("Worked on last", list_my_last(session)), *reversed(groups)]
    return page("search/palette.html", part="results", q=q, groups=groups)


def _pages(q: str) -> list[SearchResult]:
    return [
        SearchResult(item.name, "", item.url, item.icon)
        for _group, items in rail()
        for item in items
        if q.lower() in item.name.lower()
    ]
