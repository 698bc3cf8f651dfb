"""Dozens of seeds of the simulation, on all processors; `python3 tests lab simulate` is the long run."""

import pytest

from lab import simulate

SEEDS = 24


def test_dozens_of_seeds_find_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    code = simulate.main(["--first", "1000", "--seeds", str(SEEDS)])
    assert code == 0, capfd.readouterr().out
