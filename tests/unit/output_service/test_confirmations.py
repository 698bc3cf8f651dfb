"""How far a data set has a store, and what is refused."""

from typing import Any

import pytest

from hoploom.kit.errors import BadRequest, Conflict, Unprocessable
from hoploom.output_service.confirmations import MAX_NAMES, Confirmed, parsed, taken

STORE, ONE, TWO = (f"{each:08d}-0000-4000-8000-000000000000" for each in (0, 1, 2))
GOOD: dict[str, Any] = {"v": 1, "data_set": "main", "data_set_uuid": ONE, "store": STORE, "upto": 7}


def test_a_confirmation_is_read() -> None:
    assert parsed(GOOD, STORE, 7) == Confirmed("main", ONE, 7)


REFUSED: dict[str, tuple[Any, type[BadRequest]]] = {
    "a list": ([], BadRequest),
    "another version": (GOOD | {"v": 2}, BadRequest),
    "no name": (GOOD | {"data_set": ""}, BadRequest),
    "a name with a slash": (GOOD | {"data_set": "../main"}, BadRequest),
    "a name that is a number": (GOOD | {"data_set": 7}, BadRequest),
    "no UUID": (GOOD | {"data_set_uuid": "main"}, BadRequest),
    "a negative number": (GOOD | {"upto": -1}, BadRequest),
    "a truth value": (GOOD | {"upto": True}, BadRequest),
    "a fraction": (GOOD | {"upto": 6.5}, BadRequest),
    "not a number": (GOOD | {"upto": float("nan")}, BadRequest),
    "another store": (GOOD | {"store": ONE}, Conflict),
    "more than there is": (GOOD | {"upto": 8}, Unprocessable),
}


@pytest.mark.parametrize("document, error", REFUSED.values(), ids=REFUSED)
def test_refused_is(document: Any, error: type[BadRequest]) -> None:
    with pytest.raises(BadRequest) as caught:
        parsed(document, STORE, 7)
    assert type(caught.value) is error


def test_a_data_set_never_goes_back() -> None:
    known = {"main": Confirmed("main", ONE, 7)}
    assert taken(known, Confirmed("main", ONE, 3)).upto == 7
    assert taken(known, Confirmed("main", ONE, 9)).upto == 9


def test_a_data_set_that_was_made_anew_begins_again_and_the_one_before_counts_no_more() -> None:
    known = {"main": Confirmed("main", ONE, 7)}
    known["main"] = taken(known, Confirmed("main", TWO, 0))
    assert known["main"] == Confirmed("main", TWO, 0, (ONE,))
    with pytest.raises(Conflict, match="counts no more"):
        taken(known, Confirmed("main", ONE, 7))


def test_names_are_bounded() -> None:
    known = {str(each): Confirmed(str(each), ONE, 0) for each in range(MAX_NAMES)}
    with pytest.raises(Conflict):
        taken(known, Confirmed("main", ONE, 7))
    assert taken(known, Confirmed("0", ONE, 7)).upto == 7


def test_what_is_kept_is_read_back() -> None:
    said = Confirmed("main", TWO, 5, (ONE,))
    assert Confirmed.from_text("main", said.to_text()) == said
