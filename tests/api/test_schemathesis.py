"""The published document is true: fuzzing it finds no server error and no undocumented answer."""

import hypothesis
import schemathesis
from flask import Flask
from hypothesis import HealthCheck

from insurance.core.permissions import Role
from tests.factories.identity import api_key_for, make_person
from tests.factories.organizations import make_organization

CHECKS = (
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
)


def test_the_api_keeps_to_its_document(app: Flask) -> None:
    with app.app_context():
        org = make_organization()
        key = api_key_for(make_person(org.id, Role.TENANT_ADMINISTRATOR), org.id)
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    failures = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @hypothesis.given(case=operation.as_strategy())
        @hypothesis.settings(
            max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        def probe(case: schemathesis.Case) -> None:
            case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)

        try:
            probe()
        except Exception as error:  # noqa: BLE001
            failures.append(f"{operation.label}: {str(error)[:600]}")

    assert failures == [], "\n\n".join(failures)
