"""Results are never lost: kills, power cuts and full disks, by the content of every row; the long run is `lab results`.

Each check is shown red with a fault that it is there for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hoploom.wire.batch_codec import pack
from lab import pipeline_trials, small_disk, spool_trials, store_trials
from lab.full_set_trials import full_set
from lab.nursery import Nursery
from lab.output_life import OutputLife
from unit.wire.batches import make

SEED = 20_266
KILLS, CUTS, FULL = 60, 20, 2
RED, RED_KILLS, ATTEMPTS = 2, 8, 6
GOOD = 200
needs_loop_disks = pytest.mark.skipif(not spool_trials.loop_disks(), reason="needs root, ext4 and loop devices")
needs_small_disks = pytest.mark.skipif(not small_disk.available(), reason="needs root and mount namespaces")


@pytest.fixture(scope="module", name="nursery")
def _nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery") / "log") as made:
        yield made


def test_kills_of_anybody_lose_double_and_alter_no_row_on_its_way_into_the_data_set(
    nursery: Nursery, tmp_path: Path
) -> None:
    found = pipeline_trials.kills(nursery, tmp_path, KILLS, SEED)
    assert found.findings == []
    assert found.acked > KILLS <= sum(found.struck.values()), f"too little happened to show anything: {found}"


@pytest.mark.parametrize("who, fault", [("worker", "recut"), ("output", "ack_before_commit")])
def test_the_check_of_kills_is_red_where_a_rule_is_broken_by(
    nursery: Nursery, who: str, fault: str, tmp_path: Path
) -> None:
    for attempt in range(ATTEMPTS):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        if pipeline_trials.kills(nursery, folder, RED_KILLS, SEED + attempt, {who: fault}).findings:
            return
    pytest.fail(f"{ATTEMPTS} runs in which {who} breaks {fault} were green")


@pytest.mark.parametrize("fault, wrong", [("", ""), ("take_twice", "duplicate"), ("cursor_first", "lost")])
def test_the_account_of_a_data_set_is_red_exactly_where_its_collector_breaks_a_rule(
    nursery: Nursery, fault: str, wrong: str, tmp_path: Path
) -> None:
    found = pipeline_trials.collected(nursery, tmp_path, fault)
    assert any(wrong in str(each) for each in found) if fault else found == []


def test_the_check_of_other_content_is_red_for_an_output_that_does_not_compare_it(
    nursery: Nursery, tmp_path: Path
) -> None:
    output = OutputLife(nursery, tmp_path)
    output.start("forget_digest")
    assert output.ask("/results", pack(make(8))).status == GOOD
    # Of an output that compares, it is 422: see test_hostile_results.
    assert output.duplicate(pack(make(8, lease="another")))
    output.end()


@needs_loop_disks
def test_power_cuts_lose_no_row_that_an_output_has_acknowledged(nursery: Nursery, tmp_path: Path) -> None:
    found = store_trials.cuts(nursery, tmp_path, CUTS, SEED)
    assert found.findings == []
    assert found.acked > CUTS and found.files, f"too little happened to show anything: {found}"


@needs_loop_disks
@pytest.mark.parametrize("fault", ["relaxed_sync", "ack_before_commit"])
def test_the_check_of_power_cuts_is_red_for_an_output_that_does_not_wait_for_the_disk(
    nursery: Nursery, fault: str, tmp_path: Path
) -> None:
    assert store_trials.cuts(nursery, tmp_path, RED, SEED, fault).findings


@needs_small_disks
def test_a_full_disk_takes_no_batch_without_its_rows_and_all_drains_when_space_returns(
    nursery: Nursery, tmp_path: Path
) -> None:
    found = store_trials.full(nursery, tmp_path, FULL, SEED)
    assert found.findings == []
    assert found.answers[store_trials.FULL] >= FULL and found.acked == found.made


@needs_small_disks
def test_the_check_of_full_disks_is_red_for_an_output_that_does_not_wait_for_the_disk(
    nursery: Nursery, tmp_path: Path
) -> None:
    assert store_trials.full(nursery, tmp_path, 1, SEED, "ack_before_commit").findings


@needs_small_disks
def test_a_collector_whose_disk_was_full_goes_on_and_lacks_nothing(nursery: Nursery, tmp_path: Path) -> None:
    found = full_set(nursery, tmp_path, 1, SEED)
    assert found.findings == [] and found.acked == found.made > 0
