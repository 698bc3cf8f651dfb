"""A few hundred seeds of the simulation, on all processors; `python3 tests lab simulate` is the long run."""

import pytest

from lab import simulate

SEEDS = 120


def test_some_hundred_seeds_find_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    code = simulate.main(["--first", "1000", "--seeds", str(SEEDS)])
    assert code == 0, capfd.readouterr().out
