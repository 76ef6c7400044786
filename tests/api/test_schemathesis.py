"""The published document is true: fuzzing it finds no server error and no undocumented answer."""

from uuid import UUID

import hypothesis
import schemathesis
from flask import Flask
from hypothesis import HealthCheck
from hypothesis import strategies as st
from sqlalchemy import Connection

from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from tests.factories.everything import ids_of, make_everything
from tests.factories.identity import api_key_for, make_person
from tests.factories.organizations import make_organization
from tests.random_tries import by_chance, tries

CHECKS = (
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
)


@by_chance
def test_the_api_keeps_to_its_document_with_records_that_are_there(
    app: Flask, admin_connection: Connection
) -> None:
    with app.app_context():
        org = make_organization()
        with tenant_scope(org.id):
            make_everything()
        key = api_key_for(make_person(org.id, Role.TENANT_ADMINISTRATOR), org.id)
    headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}
    ids = ids_of(admin_connection, org)
    admin_connection.rollback()
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    failures = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @hypothesis.given(case=operation.as_strategy(), is_there=st.booleans())
        @hypothesis.settings(
            max_examples=tries(5, 30),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        def probe(case: schemathesis.Case, is_there: bool) -> None:
            if is_there:
                case.path_parameters = _known(case.path_parameters, ids)
            case.call_and_validate(headers=headers, checks=CHECKS)

        try:
            probe()
        except (Exception, BaseExceptionGroup) as error:
            failures.append(f"{operation.label}: {str(error)[:600]}")

    assert failures == [], "\n\n".join(failures)


def _known(asked: dict[str, object] | None, ids: dict[str, UUID]) -> dict[str, object]:
    """Return a path's parameters with records of the organization where it has some."""
    return {name: str(ids.get(name, value)) for name, value in (asked or {}).items()}
