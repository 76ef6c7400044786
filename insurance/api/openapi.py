"""The OpenAPI 3.1 document, generated from the published endpoints and their models."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from insurance.api.edge import ENDPOINTS, TITLES, Body, Endpoint, Query
from insurance.web.exports import EXCEL

_REF = "#/components/schemas/{model}"
_FILES = {"csv": "text/csv", "xlsx": EXCEL}
_PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
                "required": ["pointer", "detail"],
            },
        },
        "request_id": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail", "errors", "request_id"],
}


@cache
def document() -> dict[str, Any]:
    """Return the document."""
    schemas: dict[str, Any] = {"Problem": _PROBLEM}
    paths: dict[str, Any] = {}
    for published in ENDPOINTS:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", published.path)
        paths.setdefault(path, {})[published.method.lower()] = _operation(published, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Insurance administration API",
            "version": "1",
            "description": "Everything the screens do. Lists are arrays, paged by the Link header.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(published: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": published.name,
        "summary": published.summary,
        "tags": [published.tag],
        "parameters": [*_path_parameters(published.path), *_query_parameters(published.query)],
        "responses": _responses(published, schemas),
    }
    if published.is_public:
        operation["security"] = []
    if published.may is not None:
        operation["description"] = f"Needs the permission `{published.may.value}`."
    if published.method == "POST":
        operation["parameters"].append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "The same key and body again is answered as the first time.",
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
            }
        )
    if published.body is not None:
        _references, definitions = models_json_schema(
            [(published.body, "validation")], ref_template=_REF
        )
        schemas.update(definitions.get("$defs", {}))
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": _REF.format(model=published.body.__name__)}}
            },
        }
    if published.upload is not None:
        operation["requestBody"] = _upload(published.upload)
    return operation


def _upload(model: type[Body]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_REF)
    fields = {name: _without_null(one) for name, one in schema.get("properties", {}).items()}
    file = {"type": "string", "format": "binary", "description": "The file, at most 100 MB"}
    return {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": file, **fields},
                    "required": ["file"],
                    "additionalProperties": False,
                }
            }
        },
    }


def _responses(published: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = TypeAdapter(published.answer).json_schema(ref_template=_REF, mode="serialization")
    schemas.update(schema.pop("$defs", {}))
    media = "application/octet-stream" if published.answer is bytes else "application/json"
    content = {media: {"schema": schema}} | _files_of(published)
    found: dict[str, Any] = {
        str(published.status): {
            "description": "Done",
            **({"content": content} if published.status != 204 else {}),
        }
    }
    for status in _problems_of(published):
        found[str(status)] = {
            "description": TITLES[status],
            "content": {
                "application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}
            },
        }
    return found


def _files_of(published: Endpoint) -> dict[str, Any]:
    """Return the files that a list sends where its `format` says so."""
    chosen = published.query.model_fields.get("format")
    offered = get_args(chosen.annotation) if chosen else ()
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {media: binary for name, media in _FILES.items() if name in offered}


def _problems_of(published: Endpoint) -> Sequence[int]:
    statuses = [400, 404, 422, 429]
    if published.body is not None or published.upload is not None:
        statuses += [413, 415]
    if published.method != "GET":
        statuses.append(409)
    statuses.append(401)
    if not published.is_public:
        statuses.append(403)
    return sorted(statuses)


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"}
            if kind == "uuid"
            else {"type": "string", "minLength": 1},
        }
        for kind, name in re.findall(r"<(?:(\w+):)?(\w+)>", path)
    ]


def _query_parameters(model: type[Query]) -> list[dict[str, Any]]:
    schema = model.model_json_schema(ref_template=_REF)
    definitions = schema.get("$defs", {})
    needed = set(schema.get("required", []))
    return [
        {
            "name": name,
            "in": "query",
            "required": name in needed,
            "schema": _without_null(_inlined(details, definitions)),
        }
        for name, details in schema.get("properties", {}).items()
    ]


def _inlined(details: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(details, dict):
        if "$ref" in details:
            return definitions[details["$ref"].rpartition("/")[2]]
        return {key: _inlined(inner, definitions) for key, inner in details.items()}
    if isinstance(details, list):
        return [_inlined(inner, definitions) for inner in details]
    return details


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is given or not; it is never null."""
    kept = {key: value for key, value in schema.items() if key not in ("default", "title")}
    if "anyOf" in kept:
        options = [one for one in kept.pop("anyOf") if one != {"type": "null"}]
        kept |= options[0] if len(options) == 1 else {"anyOf": options}
    return kept
