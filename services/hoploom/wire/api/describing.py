"""What one call of the HTTP API is, in words, and a table of them as an OpenAPI document. Pure.

A route is described by one `Call` in the table of its service (`wire.api`), in a line or two: method and path as the
router has them, one sentence, who may call, and what is unusual about its parameters, body and answers. What all calls
have alike (problems, the two ways to say who asks) is added here.

Source: OpenAPI Specification 3.1.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
HTML: Final = "text/html"
TEXT: Final = "text/plain"
EVENTS: Final = "text/event-stream"
FORM: Final = "application/x-www-form-urlencoded"
UPLOAD: Final = "multipart/form-data"

ANYBODY: Final = "anybody"
READER: Final = "reader"
"""Anybody where `open_reading` is true, else whoever has any good token."""
VIEWER, OPERATOR, ADMIN = "viewer", "operator", "admin"
WORKER: Final = "worker"
MESH: Final = "mesh"

TEXT_VALUE: Final = {"type": "string"}
INTEGER: Final = {"type": "integer"}
NUMBER: Final = {"type": "number"}
FLAG: Final = {"type": "boolean"}
TEXTS: Final = {"type": "array", "items": {"type": "string"}}
INTEGERS: Final = {"type": "array", "items": {"type": "integer"}}
OBJECT: Final = {"type": "object"}
OBJECTS: Final = {"type": "array", "items": {"type": "object"}}
ANY_VALUE: Final[Mapping[str, Any]] = {}

_WHO: Final = {
    ANYBODY: "Anybody may call.",
    READER: "Anybody may call where the setting `open_reading` is true; else whoever has a good token of any kind.",
    VIEWER: "For people with a role: viewer, operator or admin.",
    OPERATOR: "For operators and admins.",
    ADMIN: "For admins.",
    WORKER: "For workers, by their credential or the mesh's token.",
    MESH: "For instances of the mesh, by its token.",
}
_SAY_WHO: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"session": []}]
_PARAMETER: Final = re.compile(r"{([a-z_0-9]+)}")
_EVERY_METHOD: Final = ("get", "post")


@dataclass(frozen=True)
class Body:
    """What a request carries.

    Attributes:
        fields: JSON Schema of each field.
        required: Names of those that have to be there.
        media: Media types in which it may come.
    """

    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    media: tuple[str, ...] = (JSON,)


@dataclass(frozen=True)
class Call:
    """One route of a service.

    Attributes:
        method: `GET`, `POST`, ...; `*` for one that takes any.
        path: As the router writes it, without patterns: `/api/v1/campaigns/{id}`.
        what: One sentence: what it does or gives.
        who: Who may call; one of the words above.
        query: Parameters of the query, each with its meaning or its JSON Schema.
        body: What it carries; None for nothing.
        answers: Media types of the answers by status; none for an answer without a body. Problems are added.
    """

    method: str
    path: str
    what: str
    who: str = ANYBODY
    query: Mapping[str, str | Mapping[str, Any]] = field(default_factory=dict)
    body: Body | None = None
    answers: Mapping[int, tuple[str, ...]] = field(default_factory=lambda: {200: (JSON,)})


def page(path: str, what: str, who: str = VIEWER, **query: str) -> Call:
    """A page for people; without a session it leads to signing in, and what goes wrong is said on a page too."""
    return Call("GET", path, what, who, query, answers={200: (HTML,), 303: ()})


def form(path: str, what: str, who: str = OPERATOR, media: str = FORM, **fields: Mapping[str, Any]) -> Call:
    """A form of a page: it leads to the page that shows what became of it, or shows itself again with the reason."""
    return Call("POST", path, what, who, body=Body(dict(fields), media=(media,)), answers={200: (HTML,), 303: ()})


def document(tables: Mapping[str, Iterable[Call]], version: str) -> dict[str, Any]:
    """The OpenAPI document of all services.

    Args:
        tables: The calls by the service that answers them; a path belongs to one service, but for what all have.
        version: Of the program.
    """
    paths: dict[str, dict[str, Any]] = {}
    for service, calls in tables.items():
        for call in calls:
            for method in _EVERY_METHOD if call.method == "*" else (call.method.lower(),):
                known = paths.setdefault(call.path, {})
                if method in known:
                    known[method]["tags"].append(service)
                else:
                    known[method] = _operation(service, method, call)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hoploom",
            "version": version,
            "summary": "A mesh of services that maps networks.",
            "description": "Every service's HTTP API. Refusals are problem documents (RFC 9457), also where they are "
            "not listed. A body may not be compressed (`Content-Encoding`), except by its own media type.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        # Relative to this document: it is the same behind any router.
        "servers": [{"url": "."}],
        "tags": [{"name": service} for service in tables],
        "paths": paths,
        "components": _COMPONENTS,
    }


def _operation(service: str, method: str, call: Call) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": _operation_id(service, method, call.path),
        "tags": [service],
        "summary": call.what,
        "description": _WHO[call.who],
        "responses": _responses(call, shows_pages=service == "manager" and not call.path.startswith("/api/")),
        "security": [{}] if call.who == ANYBODY else [{}, *_SAY_WHO] if call.who == READER else _SAY_WHO,
    }
    named = _PARAMETER.findall(call.path)
    parameters = [
        *({"name": name, "in": "path", "required": True, "schema": TEXT_VALUE} for name in named),
        *(_query(name, meaning) for name, meaning in call.query.items()),
    ]
    if parameters:
        found["parameters"] = parameters
    if call.body:
        found["requestBody"] = {"required": True, "content": {name: _content(call.body) for name in call.body.media}}
    return found


def _operation_id(service: str, method: str, path: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", path.lower()).strip("_")
    return "_".join(filter(None, (service, method, words, "slash" if path.endswith("/") and words else "")))


def _query(name: str, meaning: str | Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"description": meaning} if isinstance(meaning, str) else {"schema": meaning}
    return {"name": name, "in": "query", "schema": TEXT_VALUE, **said}


def _content(body: Body) -> dict[str, Any]:
    if not body.fields:
        return {"schema": {}}
    schema: dict[str, Any] = {"type": "object", "properties": dict(body.fields)}
    return {"schema": schema | ({"required": list(body.required)} if body.required else {})}


def _responses(call: Call, *, shows_pages: bool) -> dict[str, Any]:
    shown = {
        str(status): {"description": _MEANINGS.get(status, "Done."), **_media(media)}
        for status, media in call.answers.items()
    }
    # Where a browser asks, a manager shows a page: below /api/ are programs alone.
    refused = {"$ref": f"#/components/responses/{'Page' if shows_pages else 'Problem'}"}
    return {"503": {"$ref": "#/components/responses/Later"}, **shown, "4XX": refused}


def _media(media: tuple[str, ...]) -> dict[str, Any]:
    if not media:
        return {}
    return {"content": {name: {"schema": {}} for name in media}}


_MEANINGS: Final = {
    200: "Done; here it is.",
    201: "Made.",
    202: "Taken; it goes on.",
    204: "There is none now.",
    206: "The part that was asked for.",
    303: "Done; look there (or: sign in there).",
    304: "Nothing is new.",
}
_PROBLEM_SCHEMA: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence with the way out."},
    },
}
_PROBLEM_CONTENT: Final = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_PAGE_CONTENT: Final = {**_PROBLEM_CONTENT, HTML: {"schema": {}}}
_COMPONENTS: Final = {
    "schemas": {"Problem": _PROBLEM_SCHEMA},
    "responses": {
        "Problem": {"description": "Refused, and why.", "content": _PROBLEM_CONTENT},
        "Page": {"description": "Refused, and why.", "content": _PAGE_CONTENT},
        "Later": {
            "description": "Something is away or full: ask again later.",
            "headers": {"Retry-After": {"description": "Seconds.", "schema": INTEGER}},
            "content": _PAGE_CONTENT,
        },
    },
    "securitySchemes": {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of a person (`hoploom token new`), of operators or of the mesh; a credential.",
        },
        "session": {"type": "apiKey", "in": "cookie", "name": "__Host-hoploom", "description": "Who has signed in."},
    },
}
