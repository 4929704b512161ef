"""Describes for the OpenAPI document the request bodies that the routes read themselves."""

from typing import Any

_STRUCTURED = {
    "type": "object",
    "required": ["specversion", "id", "type", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 128},
        "type": {"type": "string", "example": "de.kurslotse.course-announced.v1"},
        "source": {"type": "string", "description": "always set to /your-slug"},
        "time": {"type": "string", "format": "date-time"},
        "corrects": {"type": "string"},
        "retracts": {"type": "string"},
        "correlationid": {"type": "string"},
        "data": {"type": "object", "description": "see the JSON Schema of the type"},
    },
}

SECURED: dict[str, Any] = {
    "security": [{"key": []}],
    "parameters": [
        {
            "name": "X-Kurslotse-Publisher",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "for whom a service of this installation speaks",
        },
        {
            "name": "Accept-Language",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "enum": ["de", "en"], "default": "de"},
        },
    ],
}

_DRY_RUN = {"name": "dry_run", "in": "query", "required": False, "schema": {"enum": [0, 1], "default": 0}}
_CHECK = {"name": "check", "in": "query", "required": False, "schema": {"enum": [0, 1], "default": 0}}

EVENTS: dict[str, Any] = SECURED | {
    "parameters": [*SECURED["parameters"], _DRY_RUN],
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents+json": {"schema": _STRUCTURED},
            "application/cloudevents-batch+json": {
                "schema": {"type": "array", "maxItems": 1000, "items": _STRUCTURED}
            },
            "application/json": {
                "schema": {"type": "object", "description": "the data; attributes in ce- headers"}
            },
        },
    },
}

REGISTRATION: dict[str, Any] = SECURED | {
    "parameters": [*SECURED["parameters"], _DRY_RUN],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["id", "event"],
                    "additionalProperties": False,
                    "properties": {
                        "id": {"type": "string", "maxLength": 128},
                        "event": {"type": "object", "description": "data of participant-registered.v1"},
                        "contact": {
                            "type": ["object", "null"],
                            "description": "name, birth date, contact: for the support side, never kept here",
                        },
                        "official_number": {
                            "type": ["object", "null"],
                            "required": ["scheme", "number"],
                            "properties": {"scheme": {"type": "string"}, "number": {"type": "string"}},
                        },
                        "time": {"type": ["string", "null"], "format": "date-time"},
                    },
                }
            }
        },
    },
}

FILE: dict[str, Any] = SECURED | {
    "parameters": [*SECURED["parameters"], _CHECK],
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
}

SETTINGS: dict[str, Any] = SECURED | {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
}

_PROBLEM = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "code": {"type": "string"},
                    "field": {"type": ["string", "null"]},
                    "message": {"type": "string"},
                    "what_to_do": {"type": "string"},
                    "event_id": {"type": "string"},
                },
            },
        },
    },
}

ANSWERS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "what is wrong and what to do",
        "content": {"application/problem+json": {"schema": _PROBLEM}},
    },
    503: {
        "description": "send the same again after Retry-After",
        "content": {"application/problem+json": {"schema": _PROBLEM}},
    },
}
