"""What is marked is not traced; what runs before and after is, and the tracer is the one of before."""

import sys

import pytest

from unmeasured import seeds, unmeasured, untraced


@pytest.fixture(name="seen")
def _seen() -> list[str]:
    """Names of the functions of this module that a tracer of our own sees called."""
    return []


def a() -> None: ...


def b() -> None: ...


def test_nothing_is_traced_meanwhile(seen: list[str]) -> None:
    def tracer(frame: object, *_: object) -> None:
        seen.append(frame.f_code.co_name)  # type: ignore[attr-defined]

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        a()
        with pytest.raises(ValueError), untraced():
            b()
            raise ValueError
        same = sys.gettrace() is tracer
        a()
    finally:
        sys.settrace(before)
    assert (seen.count("a"), seen.count("b"), same) == (2, 0, True)


@unmeasured
def test_a_marked_test_is_not_traced() -> None:
    assert sys.gettrace() is None


@unmeasured
async def test_a_marked_test_in_an_event_loop_is_not_traced() -> None:
    assert sys.gettrace() is None


def test_the_first_seed_alone_is_measured() -> None:
    assert [getattr(each, "marks", ()) for each in seeds(3)] == [(), (unmeasured,), (unmeasured,)]
