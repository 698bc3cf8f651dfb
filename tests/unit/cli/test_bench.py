"""Figures of benches."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from hoploom.cli.bench import at_least, at_most


@pytest.mark.parametrize(("value", "most", "least"), [(1, True, False), (2, True, True), (3, False, True)])
def test_a_figure_keeps_its_bound_or_not(value: int, most: bool, least: bool) -> None:
    assert (at_most("a", value, "s", 2).ok, at_least("a", value, "s", 2).ok) == (most, least)


def test_a_figure_beside_an_anchor_has_their_ratio() -> None:
    found = at_least("a", 3, "s", 1, ("b", 2))
    assert (found.ratio, found.anchor, found.anchor_value) == (1.5, "b", 2)


def test_numbers_of_numpy_make_figures_that_go_into_json() -> None:
    for make in (at_least, at_most):
        found = make("a", np.float64(3), "s", np.int64(1), ("b", np.float32(2)))  # type: ignore[arg-type]
        assert json.loads(json.dumps(asdict(found)))["value"] == 3
