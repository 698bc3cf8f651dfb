"""The page of the API: every call is on it, each in the section of its service."""

from hoploom.manager.pages import api
from hoploom.wire.api import TABLES


def test_every_call_stands_on_the_page_once() -> None:
    found = [(each.service, call.method, call.path) for each in api.sections() for call in each.calls]
    assert len(found) == len(set(found))
    assert {each[1:] for each in found} == {(call.method, call.path) for calls in TABLES.values() for call in calls}


def test_what_all_services_answer_is_a_section_of_its_own() -> None:
    *others, last = api.sections()
    assert last.service == "every service" and "/health" in {call.path for call in last.calls}
    assert "/health" not in {call.path for each in others for call in each.calls}
    assert all(each.calls for each in others)
