"""Tables of calls become an OpenAPI document that tools can follow."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from hoploom.wire.api import TABLES
from hoploom.wire.api.describing import (
    ADMIN,
    ANYBODY,
    FORM,
    HTML,
    INTEGER,
    JSON,
    OPERATOR,
    PROBLEM,
    READER,
    Body,
    Call,
    document,
    form,
    page,
)

WHOLE = document(TABLES, "0.0.1")
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def operations(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in found["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def one(call: Call) -> dict[str, Any]:
    made: dict[str, Any] = document({"input": [call]}, "1")["paths"][call.path][call.method.lower()]
    return made


def references(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        yield from (value for key, value in found.items() if key == "$ref")
        for value in found.values():
            yield from references(value)
    elif isinstance(found, list):
        for value in found:
            yield from references(value)


def test_every_reference_leads_somewhere() -> None:
    for each in references(WHOLE):
        place: Any = WHOLE
        for part in each.removeprefix("#/").split("/"):
            place = place[part]
        assert place


OPERATIONS = dict(operations(WHOLE))


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_says_what_a_tool_needs(name: str) -> None:
    (method, path), operation = name.split(" ", 1), OPERATIONS[name]
    assert method in METHODS
    told = [each["name"] for each in operation.get("parameters", []) if each["in"] == "path"]
    assert told == re.findall(r"{(.*?)}", path)
    assert operation["summary"].endswith((".", "?"))
    assert operation["responses"]
    assert operation["security"]


def test_the_ids_of_operations_are_all_different() -> None:
    named = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(named) == len(set(named))


def test_the_document_is_json_and_starts_with_its_version() -> None:
    assert json.loads(json.dumps(WHOLE))["openapi"] == "3.1.0"


def test_what_several_services_have_is_described_once_with_all_their_tags() -> None:
    assert WHOLE["paths"]["/health"]["get"]["tags"] == ["input", "output", "manager", "ping"]


@pytest.mark.parametrize(
    ("who", "ways"), [(ANYBODY, [{}]), (READER, [{}, "bearer", "session"]), (ADMIN, ["bearer", "session"])]
)
def test_who_may_call_is_said_in_words_and_to_tools(who: str, ways: list[object]) -> None:
    found = one(Call("GET", "/x", "It.", who))
    assert [next(iter(each), {}) for each in found["security"]] == ways
    assert found["description"].startswith(("Anybody", "For"))


def test_a_body_has_its_fields_in_each_media_type() -> None:
    found = one(Call("POST", "/x", "It.", body=Body({"v": INTEGER, "n": INTEGER}, ("v",), (JSON, FORM))))
    schema = {"type": "object", "properties": {"v": INTEGER, "n": INTEGER}, "required": ["v"]}
    assert found["requestBody"]["content"] == {JSON: {"schema": schema}, FORM: {"schema": schema}}


def test_what_goes_wrong_is_a_problem_everywhere_and_a_page_where_people_look() -> None:
    call, shown = one(Call("GET", "/x", "It.")), document({"m": [page("/y", "It.")]}, "1")["components"]["responses"]
    assert call["responses"]["4XX"] == {"$ref": "#/components/responses/Problem"}
    found = document({"manager": [Call("GET", "/broker", "It."), Call("GET", "/api/v1/x", "It.")]}, "1")["paths"]
    assert found["/broker"]["get"]["responses"]["4XX"] == {"$ref": "#/components/responses/Page"}
    assert found["/api/v1/x"]["get"]["responses"]["4XX"] == {"$ref": "#/components/responses/Problem"}
    assert set(shown["Problem"]["content"]) == {PROBLEM}
    assert set(shown["Page"]["content"]) == {PROBLEM, HTML}


def test_a_page_and_a_form_are_a_line_each() -> None:
    seen, sent = page("/y", "It.", q="Words"), form("/y", "Do it.", OPERATOR, name=INTEGER)
    assert set(one(seen)["responses"]) == {"200", "303", "4XX", "503"}
    assert one(seen)["parameters"][0]["name"] == "q"
    assert list(one(sent)["requestBody"]["content"]) == [FORM]


def test_a_route_that_takes_any_method_is_described_for_those_that_are_used() -> None:
    assert set(document({"m": [Call("*", "/g", "It.")]}, "1")["paths"]["/g"]) == {"get", "post"}
