"""Batches are let in by what they take in memory, and one that comes alone always is."""

import pytest

from hoploom.kit.errors import Unavailable
from hoploom.output_service.intake import HEAD_BYTES, Intake, size_bytes
from unit.wire.batches import make
from unit.wire.traces import traced


def test_what_leaves_makes_room_for_others() -> None:
    intake = Intake(100)
    with intake.place() as first:
        first.resize(60)
        with intake.place() as second:
            second.resize(40)
            assert intake.size_bytes == 100
        with intake.place() as third, pytest.raises(Unavailable):
            third.resize(41)
        assert intake.size_bytes == 60
    assert intake.size_bytes == 0


def test_one_that_grows_beyond_the_room_is_refused_and_leaves_nothing_behind() -> None:
    intake = Intake(100)
    with intake.place() as first:
        first.resize(50)
        with pytest.raises(Unavailable), intake.place() as second:
            second.resize(10)
            second.resize(51)
        assert intake.size_bytes == 50


def test_one_that_comes_alone_is_taken_however_large_it_is_and_then_no_other() -> None:
    intake = Intake(100)
    with intake.place() as first:
        first.resize(1000)
        with intake.place() as second, pytest.raises(Unavailable):
            second.resize(1)


def test_a_batch_takes_what_its_columns_take() -> None:
    assert size_bytes(make(rows=0)) == HEAD_BYTES
    assert size_bytes(make(rows=100)) == HEAD_BYTES + 100 * 73
    assert size_bytes(traced(targets=3)) == HEAD_BYTES + 3 * 37 + 12 * 41 + 6 * 8
