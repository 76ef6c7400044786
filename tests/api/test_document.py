"""The published document is one that other people's tools can use."""

import json
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from openapi_spec_validator import validate
from pydantic import BaseModel

from insurance.api import openapi
from insurance.api.edge import ENDPOINTS, Answer, endpoint
from tests.factories.identity import TestClient


@pytest.fixture
def published(client: TestClient) -> dict[str, Any]:
    """Return the document as a program fetches it."""
    return json.loads(client.get("/api/v1/openapi.json").data)  # type: ignore[no-any-return]


def test_the_document_is_openapi(published: dict[str, Any]) -> None:
    validate(published)


def test_every_operation_shows_an_example_that_its_schema_allows(
    published: dict[str, Any],
) -> None:
    wrong = []
    for path, operations in published["paths"].items():
        for method, operation in operations.items():
            contents = [operation.get("requestBody", {}).get("content", {})]
            contents += [one.get("content", {}) for one in operation["responses"].values()]
            for content in contents:
                shown = content.get("application/json")
                if shown is None:
                    continue
                schema = {**shown["schema"], "components": published["components"]}
                errors = jsonschema_rs.Draft202012Validator(schema).iter_errors(shown["example"])
                wrong += [f"{method} {path}: {error.message}" for error in errors]
    assert wrong == [], "\n".join(wrong)


def test_two_models_of_one_name_are_refused(app: Flask) -> None:
    class QuoteAnswer(Answer):
        """A model with another one's name."""

        other: str

    @endpoint("GET", "/other-quotes", answer=QuoteAnswer, tag="Other")
    def read_other_quote() -> BaseModel:
        """Read another quote."""
        raise NotImplementedError

    openapi.document.cache_clear()
    try:
        with pytest.raises(ValueError, match="Two models have one name: .*QuoteAnswer"):
            openapi.document()
    finally:
        ENDPOINTS.pop()
        openapi.document.cache_clear()


def test_a_product_benefit_and_a_policy_benefit_are_described_as_what_they_are(
    published: dict[str, Any],
) -> None:
    schemas = published["components"]["schemas"]

    assert "rate_table_id" in schemas["ProductBenefitAnswer"]["properties"]
    assert "remaining_cover" in schemas["PolicyBenefitAnswer"]["properties"]
    assert schemas["ProductBenefitAnswer"] != schemas["PolicyBenefitAnswer"]
