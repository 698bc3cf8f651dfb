"""What an operator does comes after what services do."""

import os
import subprocess

import pytest

from lab.deploys_operator import NICE, as_elsewhere


def test_its_processes_have_less_weight_and_ours_have_not() -> None:
    before = os.nice(0)
    said = as_elsewhere(lambda: subprocess.run(["nice"], capture_output=True, check=True).stdout)
    assert int(said) == NICE
    assert os.nice(0) == before


def test_what_it_raises_is_raised() -> None:
    def fails() -> None:
        raise AssertionError("not deployed")

    with pytest.raises(AssertionError, match="not deployed"):
        as_elsewhere(fails)
