"""Coverage looks away from a test with this mark: it triples what a simulation takes.

    @unmeasured
    def test_it_is_red_without_the_fence(): ...

For tests that run again, with other seeds or with a rule taken away, what one that is measured has run.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

unmeasured = pytest.mark.unmeasured


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "unmeasured: coverage looks away, since others run the same lines")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Call the function of a test."""
    with untraced() if pyfuncitem.get_closest_marker("unmeasured") else contextlib.nullcontext():
        return (yield)


@contextlib.contextmanager
def untraced() -> Iterator[None]:
    """Nothing of this thread is traced meanwhile."""
    tracing = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracing)


def seeds(count: int) -> list[Any]:
    """Parameters 0 to `count` - 1, of which the first alone is measured."""
    return [0, *(pytest.param(seed, marks=unmeasured) for seed in range(1, count))]
