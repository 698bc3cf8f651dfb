"""For whom a call is made: any name travels in a header, and what is no name is refused."""

import pytest

from hoploom.kit.errors import BadRequest
from hoploom.wire import on_behalf


@pytest.mark.parametrize(
    "name", ["anna", "Ånna Ö", "\u05d0" * 200, 'a,b"c%2Fd e'], ids=["plain", "umlauts", "right to left", "odd"]
)
def test_a_name_arrives_as_it_was_sent(name: str) -> None:
    header = on_behalf.header(name)
    assert header[on_behalf.HEADER].isascii() and on_behalf.read(header, "operator") == name


@pytest.mark.parametrize("sent", ["a%0Ab", "%00", "x" * 201, "%FF%0D"])
def test_what_would_break_a_log_line_is_refused(sent: str) -> None:
    with pytest.raises(BadRequest, match="at most 200 characters"):
        on_behalf.read({on_behalf.HEADER: sent}, "operator")


def test_without_a_name_it_is_whoever_has_the_token() -> None:
    assert on_behalf.read({}, "operator") == on_behalf.read({on_behalf.HEADER: ""}, "operator") == "operator"
