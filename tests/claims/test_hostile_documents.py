"""What strangers send as documents of a claim: kept out, or kept harmless, and never a fault."""

import io
from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.claims.models import ClaimDocument
from insurance.core.files import plain_name
from insurance.core.permissions import Role
from tests.factories.claims import claim
from tests.factories.files import endless_lines, jpeg, pages, png, spaces_twice_packed, zip_bomb
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import sell

SignIn = Callable[..., SignedInClient]
PAGE = b"<!doctype html><script>alert(document.domain)</script>"
DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


@pytest.fixture
def claim_id(session: Session) -> UUID:
    """Return a claim that waits for its documents."""
    made = claim(sell(date(2026, 9, 20)), "60000.00").id
    session.rollback()
    return made


def _send(client: SignedInClient, claim_id: UUID, name: str, content: bytes) -> int:
    sent = client.post(
        client.url(f"/claims/{claim_id}/documents/new"),
        data={"file": (io.BytesIO(content), name), "document_type": "BANK_LETTER"},
    )
    assert sent.status_code in (303, 422), sent.text
    return int(sent.status_code)


def _kept(session: Session, claim_id: UUID) -> list[ClaimDocument]:
    session.rollback()
    return [one for one in queries.list_documents(session, claim_id) if one.file_key]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("bomb.pdf", zip_bomb(), "Send a PDF, a JPEG or a PNG."),
        ("page.pdf", PAGE, "Send a PDF, a JPEG or a PNG."),
        ("drawing.pdf", DRAWING, "Send a PDF, a JPEG or a PNG."),
        ("drawing.png", DRAWING, "Send a PDF, a JPEG or a PNG."),
        ("nothing.pdf", b"", "The file is empty."),
        ("huge.png", png(50_000, 50_000), "The picture is 50000 by 50000 points"),
        ("huge.jpg", jpeg(60_000, 60_000), "The picture is 60000 by 60000 points"),
        ("half.jpg", jpeg()[:-4], "The picture is not whole."),
    ],
    ids=lambda one: one if isinstance(one, str) and "." in one[:-1] else "",
)
def test_what_is_no_document_is_refused_in_words(
    sign_in: SignIn, session: Session, claim_id: UUID, name: str, content: bytes, said: str
) -> None:
    agent = sign_in(Role.AGENT)
    sent = agent.post(
        agent.url(f"/claims/{claim_id}/documents/new"),
        data={"file": (io.BytesIO(content), name), "document_type": "BANK_LETTER"},
    )

    assert sent.status_code == 422
    assert said in sent.text
    assert _kept(session, claim_id) == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../../etc/passwd", "passwd.pdf"),
        ("letter\0.pdf.exe", "letter_.pdf.pdf"),
        ("letter\u202efdp.exe", "letter_fdp.pdf"),
        ("\u202e", "_.pdf"),
        ("....", "file.pdf"),
        ('a"; filename="b.html', "b.pdf"),
        ("x" * 300 + ".pdf", "x" * 100 + ".pdf"),
        ("=cmd|calc.pdf", "_cmd_calc.pdf"),
    ],
)
def test_a_name_keeps_nothing_but_its_plain_letters(
    sign_in: SignIn, session: Session, claim_id: UUID, name: str, kept: str
) -> None:
    agent = sign_in(Role.AGENT)

    assert _send(agent, claim_id, name, pages(1)) == 303

    document = _kept(session, claim_id)[0]
    assert document.file_name == kept
    file = agent.get(agent.url(f"/claims/documents/{document.id}/file"))
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.mimetype == "application/pdf"


def test_a_path_of_windows_is_left_out_of_a_name() -> None:
    assert plain_name("C:\\Windows\\system32\\letter.exe", "application/pdf") == "letter.pdf"


def test_an_archive_behind_a_photograph_is_not_kept(
    sign_in: SignIn, session: Session, claim_id: UUID
) -> None:
    agent = sign_in(Role.AGENT)

    assert _send(agent, claim_id, "photo.jpg", jpeg() + zip_bomb() + b"\xff\xd9") == 303

    document = _kept(session, claim_id)[0]
    file = agent.get(agent.url(f"/claims/documents/{document.id}/file"))
    assert file.data == jpeg()
    assert document.size == len(jpeg())


@pytest.mark.parametrize("bomb", [spaces_twice_packed, endless_lines])
def test_a_bomb_is_kept_but_never_unfolds_on_the_page(
    sign_in: SignIn, session: Session, claim_id: UUID, bomb: Callable[[], bytes]
) -> None:
    agent = sign_in(Role.AGENT)
    assert _send(agent, claim_id, "letter.pdf", bomb()) == 303
    document = _kept(session, claim_id)[0]

    page = agent.get(agent.url(f"/claims/{claim_id}"))
    picture = agent.get(agent.url(f"/claims/documents/{document.id}/picture"))

    assert page.status_code == 200
    assert f"/claims/documents/{document.id}/picture?page=1" in page.text
    assert (picture.status_code, picture.mimetype) == (200, "image/svg+xml")
    assert "This page cannot be shown. Save the file to look at it." in picture.text


def test_a_damaged_file_is_said_to_be_so_and_can_be_sent_back(
    sign_in: SignIn, session: Session, claim_id: UUID
) -> None:
    agent, assessor = sign_in(Role.AGENT), sign_in(Role.CLAIMS_ASSESSOR)
    assert _send(agent, claim_id, "letter.pdf", b"%PDF-1.7\n" + PAGE + b"\n%%EOF") == 303
    document = _kept(session, claim_id)[0]

    for path in (f"/claims/{claim_id}", f"/claims/documents/{document.id}/review"):
        page = assessor.get(assessor.url(path))
        assert page.status_code == 200
        assert "This file cannot be shown: it is damaged, or protected by a password." in page.text
        assert "<img" not in page.text
    picture = assessor.get(assessor.url(f"/claims/documents/{document.id}/picture"))
    assert picture.mimetype == "image/svg+xml"


@pytest.mark.parametrize(
    ("page", "number", "links"),
    [
        (1, 1, []),
        (1, 3, ["Next page"]),
        (2, 3, ["Previous page", "Next page"]),
        (3, 3, ["Previous page"]),
        (9, 3, ["Previous page"]),
    ],
)
def test_there_is_a_next_page_only_where_there_is_one(
    sign_in: SignIn, session: Session, claim_id: UUID, page: int, number: int, links: list[str]
) -> None:
    agent = sign_in(Role.AGENT)
    _send(agent, claim_id, "letter.pdf", pages(number))

    shown = agent.get(agent.url(f"/claims/{claim_id}?page={page}")).text

    assert [one for one in ("Previous page", "Next page") if one in shown] == links
    assert (f"Page {min(page, number)} of {number}." in shown) == (number > 1)
