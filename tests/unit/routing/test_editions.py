"""The mark by which a table shows which text it was made of."""

from hoploom.kit.fabio_api import RouteEntry
from hoploom.routing import commands, editions


def test_a_text_is_marked_and_found_again() -> None:
    text = "# a remark\nroute del a\n"
    stored = editions.marked(text)
    assert commands.lint(stored) == []
    assert editions.unmarked(stored).strip() == text.strip()
    assert editions.stored(stored) == editions.edition(text)
    entry = RouteEntry(editions.SERVICE, editions.edition(text), "http://0.0.0.0:0/")
    assert editions.shown([RouteEntry("a", "/a", "b"), entry]) == editions.edition(text)


def test_other_commands_are_another_edition_and_other_remarks_are_not() -> None:
    assert editions.edition("route del a") != editions.edition("route del b")
    assert editions.edition("# x\nroute del a\n") == editions.edition("route del a")


def test_a_text_without_commands_has_no_mark() -> None:
    assert editions.marked("# nothing\n") == "# nothing\n"
    assert editions.edition("") == editions.stored("") == editions.shown([]) == ""


def test_a_guest_s_mark_is_below_its_own_path() -> None:
    assert "/hop/_mesh/overrides/" in editions.marked("route del a", "/hop/_mesh/overrides/")
