"""The OpenAPI 3.1 document, generated from the published endpoints and their models."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode, JsonSchemaValue

from insurance.api.edge import ENDPOINTS, TITLES, Body, Endpoint, Query
from insurance.api.examples import example_of
from insurance.web.exports import EXCEL

_REF = "#/components/schemas/{model}"
_INPUT = re.compile(r"(?<=\w)-Input$")
_FILES = {"csv": "text/csv", "xlsx": EXCEL}
_PATH_SCHEMAS = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer", "minimum": 0},
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
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
    written, definitions = _schemas()
    paths: dict[str, Any] = {}
    for published in ENDPOINTS:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", published.path)
        paths.setdefault(path, {})[published.method.lower()] = _operation(
            published, written, definitions
        )
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
            "schemas": {"Problem": _PROBLEM, **definitions},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


Written = dict[tuple[str, JsonSchemaMode], JsonSchemaValue]
"""The schema of an endpoint's body (`validation`) or answer (`serialization`), by its name."""


def _schemas() -> tuple[Written, dict[str, Any]]:
    """Return every body's and answer's schema and the definitions they share, each name once.

    A model that reads otherwise than it writes has two: what is sent ends in `Input`. Raises
    ValueError where two models have one name: a program would take one for the other.
    """
    inputs: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = []
    for published in ENDPOINTS:
        inputs.append((published.name, "serialization", TypeAdapter(published.answer)))
        if published.body is not None:
            inputs.append((published.name, "validation", TypeAdapter(published.body)))
    written, shared = TypeAdapter.json_schemas(inputs, ref_template=_REF)
    definitions: dict[str, Any] = _with_true_defaults(shared.get("$defs", {}))
    twice = sorted(name for name in definitions if "__" in name)
    if twice:
        raise ValueError(f"Two models have one name: {', '.join(twice)}.")
    named = {name: schema | {"title": name} for name, schema in _renamed(definitions).items()}
    return _renamed(written), named


def _renamed(schema: Any) -> Any:
    """Return a schema without the dashes that generated programs cannot name a class by."""
    if isinstance(schema, dict):
        return {_plain(name): _renamed(inner) for name, inner in schema.items()}
    if isinstance(schema, list):
        return [_renamed(inner) for inner in schema]
    return _plain(schema)


def _plain(name: Any) -> Any:
    if not isinstance(name, str):
        return name
    return name.removesuffix("-Output") if name.endswith("-Output") else _INPUT.sub("Input", name)


def _with_true_defaults(schema: Any) -> Any:
    """Return a schema whose defaults it allows itself.

    Amounts are kept as text in Python; an empty text stands for what a change leaves as it is.
    """
    if isinstance(schema, dict):
        kept = {name: _with_true_defaults(inner) for name, inner in schema.items()}
        if kept.get("type") == "number" and isinstance(kept.get("default"), str):
            kept["default"] = float(kept["default"])
        if kept.get("default") == "" and kept.get("minLength"):
            del kept["default"]
        return kept
    return [_with_true_defaults(inner) for inner in schema] if isinstance(schema, list) else schema


def _operation(
    published: Endpoint, written: Written, definitions: dict[str, Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": published.name,
        "summary": published.summary,
        "tags": [published.tag],
        "parameters": [*_path_parameters(published.path), *_query_parameters(published.query)],
        "responses": _responses(published, written, definitions),
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
        schema = written[published.name, "validation"]
        operation["requestBody"] = {
            "required": not _may_be_left_out(published.body),
            "content": {
                "application/json": {
                    "schema": schema,
                    "example": example_of(schema, definitions),
                }
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


def _may_be_left_out(body: type[Body]) -> bool:
    return not any(field.is_required() for field in body.model_fields.values())


def _responses(
    published: Endpoint, written: Written, definitions: dict[str, Any]
) -> dict[str, Any]:
    schema = written[published.name, "serialization"]
    if published.answer is bytes:
        content = dict.fromkeys(published.media, _BINARY)
    else:
        shown = {"schema": schema, "example": example_of(schema, definitions)}
        content = {"application/json": shown} | _files_of(published)
    found: dict[str, Any] = {
        str(published.status): {
            "description": "Done",
            **({"content": content} if published.status != 204 else {}),
        }
    }
    if published.may_wait:
        waits = "Asked for: a second person decides first, or a job is finishing it"
        found["202"] = {"description": waits, "content": content}
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
    return {media: _BINARY for name, media in _FILES.items() if name in offered}


def _problems_of(published: Endpoint) -> Sequence[int]:
    statuses = [400, 401, 403, 404, 409, 422, 429, 503]
    if published.body is not None or published.upload is not None:
        statuses += [413, 415]
    return sorted(statuses)


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _PATH_SCHEMAS.get(kind, {"type": "string", "minLength": 1}),
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
