"""How a worker stands, in a word."""

from typing import Any

import pytest

from hoploom.cli.workers import standing

SEEN = {"status": "passing", "clash": False, "heard_s": 3.4, "note": "idle"}


@pytest.mark.parametrize(
    ("revoked", "seen", "word"),
    [
        (False, None, standing.UNHEARD),
        (False, SEEN, "passing"),
        (False, {**SEEN, "status": "silent"}, "silent"),
        (False, {**SEEN, "status": "warning", "clash": True}, standing.TWICE),
        (True, {**SEEN, "clash": True}, standing.REVOKED),
        (True, None, standing.REVOKED),
    ],
)
def test_what_keeps_it_from_working_is_said_first(*, revoked: bool, seen: dict[str, Any] | None, word: str) -> None:
    assert standing.word({"revoked": revoked, "seen": seen}) == word


def test_a_worker_that_was_never_heard_has_nothing_to_say() -> None:
    assert (standing.heard({"seen": None}), standing.note({"seen": None})) == ("-", "")


def test_a_clash_is_said_with_the_way_out_instead_of_one_of_both_notes() -> None:
    assert standing.note({"seen": {**SEEN, "clash": True}}).startswith("runs on more than one machine: on the copy")
    assert (standing.heard({"seen": SEEN}), standing.note({"seen": SEEN})) == ("3 s ago", "idle")
