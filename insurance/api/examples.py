"""An example of every body and answer, made from its schema in the words of the trade.

A field's own `examples` win; else its name says what stands there, else its type.
"""

import re
from collections.abc import Mapping
from typing import Any

_ID = "019a7c3e-5b1a-7c44-9d20-6f1f5a0c7e11"
_BY_NAME: dict[str, Any] = {
    "policy_number": "PL-2026-000001",
    "quote_number": "QT-2026-000001",
    "claim_number": "CLM-2026-000001",
    "first_name": "Thandi",
    "last_name": "Mokoena",
    "name": "Thandi Mokoena",
    "email": "thandi@example.org",
    "phone": "+27821234567",
    "id_number": "8001015009087",
    "account_number": "62001234567",
    "branch_code": "250655",
    "bank": "FNB",
    "reason": "Asked for by the policyholder",
    "reference": "EFT 20261120 MOKOENA",
    "payment_reference": "EFT 20261120 MOKOENA",
    "currency": "ZAR",
    "password": "a few words of one's own",
    "cursor": "eyJhZnRlciI6MX0",
}
_BY_FORMAT = {
    "uuid": _ID,
    "date": "2026-11-20",
    "date-time": "2026-11-20T08:30:00Z",
    "binary": "",
}
_FOR_PATTERNS = ("305.00", "DEATH", "death-benefit", "death_benefit", "250655", "A1")
"""One of them fits each pattern of the document; a new pattern without one stops the suite."""
_DEEPEST = 6


def example_of(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], name: str = "", depth: int = 0
) -> Any:
    """Return a value that a schema allows; definitions are the document's named schemas."""
    if "$ref" in schema:
        return example_of(definitions[schema["$ref"].rpartition("/")[2]], definitions, name, depth)
    if schema.get("examples"):
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if schema.get("default"):
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    for way in ("anyOf", "oneOf", "allOf"):
        if way in schema:
            options = [one for one in schema[way] if one != {"type": "null"}]
            if depth > _DEEPEST and len(options) < len(schema[way]):
                return None
            return example_of(options[0], definitions, name, depth)
    return _of_type(schema, definitions, name, depth)


def _of_type(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], name: str, depth: int
) -> Any:
    match schema.get("type"):
        case "object":
            return _of_object(schema, definitions, depth)
        case "array":
            least = schema.get("minItems", 0 if depth > _DEEPEST else 1)
            item = schema.get("items", {})
            return [example_of(item, definitions, name, depth + 1) for _ in range(least)]
        case "string":
            return _text(schema, name)
        case "integer":
            return max(schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
        case "number":
            return 305.0 if schema.get("maximum", 305) >= 305 else schema["maximum"]
        case "boolean":
            return True
        case "null":
            return None
    return {}


def _of_object(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int
) -> dict[str, Any]:
    needed = set(schema.get("required", ()))
    return {
        name: example_of(inner, definitions, name, depth + 1)
        for name, inner in schema.get("properties", {}).items()
        if name in needed or (depth < 2 and name != "org_id" and not _may_be_null(inner))
    }


def _may_be_null(schema: Mapping[str, Any]) -> bool:
    return {"type": "null"} in schema.get("anyOf", ())


def _text(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    if "pattern" in schema:
        return next(one for one in _FOR_PATTERNS if re.search(schema["pattern"], one))
    text = _BY_NAME.get(name, name.replace("_", " ").capitalize() or "Text")
    return str(text)[: schema.get("maxLength", 200)].ljust(schema.get("minLength", 0), "x")
