"""Every JSON answer that a test sees is held to the published document."""

import json
from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from insurance.api.edge import ENDPOINTS
from insurance.api.openapi import document

PREFIXES = ("/api/v1", "/api")


def check_answer(app: Flask, method: str, path: str, answer: TestResponse) -> None:
    """Raise AssertionError where the API answered otherwise than its document says."""
    if not path.startswith("/api/"):
        return
    try:
        endpoint, _values = app.url_map.bind("localhost").match(path.split("?")[0], method)
    except HTTPException:
        return
    name = endpoint.partition(".")[2]
    if endpoint.split(".")[0] not in ("api", "api_v1") or name not in _operations():
        return
    responses = _operations()[name]["responses"]
    status = str(answer.status_code)
    assert status in responses, f"{method} {path} answered {status}, which is not documented"
    media = answer.mimetype
    offered = responses[status].get("content", {})
    if not offered or not answer.data:
        return
    assert media in offered, f"{method} {path} answered {media}, not {sorted(offered)}"
    if media.endswith("json"):
        problems = _validator(name, status, media).iter_errors(json.loads(answer.data))
        said = [f"{'/'.join(map(str, one.instance_path))}: {one.message}" for one in problems]
        assert not said, f"{method} {path} answered {status} otherwise than published: {said[:3]}"


@cache
def _operations() -> dict[str, dict[str, Any]]:
    published = {one.name for one in ENDPOINTS}
    return {
        operation["operationId"]: operation
        for path in document()["paths"].values()
        for operation in path.values()
        if operation["operationId"] in published
    }


@cache
def _validator(name: str, status: str, media: str) -> Any:
    schema = _operations()[name]["responses"][status]["content"][media]["schema"]
    whole = {**schema, "components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(whole)
