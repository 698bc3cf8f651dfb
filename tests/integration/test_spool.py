"""The spool of real processes: killed, cut off from power, on a full disk, contested.

The long runs are `python3 tests lab spool`; kills of its outputs too are in test_result_faults. Each check is shown red
once, with a worker that breaks a rule.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from hoploom.ping_service.spool import Spool
from lab import small_disk, spool_trials
from lab.spool_output import SpoolOutput
from lab.spool_trials import WORKER, read, workers
from waiting import pause, until

SEED = 20_261
KILLS, CUTS = 60, 20
RED = 10
MOST = 600
SERVICE = [sys.executable, "-m", "hoploom.ping_service", "--consul-addr=http://127.0.0.1:1"]
needs_loop_disks = pytest.mark.skipif(not spool_trials.loop_disks(), reason="needs root, ext4 and loop devices")


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.segment"))


def test_kills_lose_nothing_that_the_spool_has_taken_and_alter_nothing_that_was_sealed(tmp_path: Path) -> None:
    found = spool_trials.kills(tmp_path, KILLS, SEED)
    assert found.findings == []
    assert found.kept > 5 * KILLS and found.again > KILLS, f"too little happened to show anything: {found}"


@pytest.mark.parametrize("fault", ["remove_early", "recut"])
def test_the_check_of_kills_is_red_for_a_worker_that_breaks_a_rule(fault: str, tmp_path: Path) -> None:
    assert spool_trials.kills(tmp_path, RED, SEED, fault=fault).findings


@needs_loop_disks
def test_power_cuts_lose_nothing_that_the_spool_has_taken(tmp_path: Path) -> None:
    found = spool_trials.cuts(tmp_path, CUTS, SEED)
    assert found.findings == []
    assert found.kept > 5 * CUTS, f"too little happened to show anything: {found}"


def test_kills_of_a_worker_that_syncs_now_and_then_lose_nothing_that_it_has_synced(tmp_path: Path) -> None:
    found = spool_trials.kills(tmp_path, RED, SEED, spool_trials.TOGETHER_S)
    assert found.findings == []
    assert RED < found.kept < found.sealed, f"too little happened to show anything: {found}"


@needs_loop_disks
@pytest.mark.parametrize("fault", ["never_sync", "no_folder_sync"])
def test_the_check_of_power_cuts_is_red_for_a_worker_that_does_not_sync(fault: str, tmp_path: Path) -> None:
    assert spool_trials.cuts(tmp_path, RED, SEED, fault=fault).findings


@pytest.mark.skipif(not small_disk.available(), reason="needs root and mount namespaces for a small disk")
def test_on_a_full_disk_what_is_in_hand_waits_in_memory_and_all_of_it_comes_through(tmp_path: Path) -> None:
    disk, ledger = tmp_path / "disk", tmp_path / "ledger"
    disk.mkdir()
    with SpoolOutput() as output:
        output.away = True
        command = [sys.executable, str(WORKER), str(disk / "spool"), output.url, str(ledger), f"--most={MOST}"]
        worker = subprocess.Popen(small_disk.on_small_disk(disk, "4m", command), stderr=subprocess.DEVNULL)
        try:
            until("a first segment", lambda: ledger.exists() and read(ledger)[1], 20, 0.01)
            small_disk.fill(worker.pid, disk)
            until("batches in hand", lambda: in_hand(ledger), 20)
            pause(2.0)
            before = read(ledger)
            pause(3.0)
            assert read(ledger) == before and in_hand(ledger) and worker.poll() is None
            small_disk.empty(worker.pid, disk)
            until("a spool that goes on", lambda: len(read(ledger)[0]) > len(before[0]), 20)
            output.away = False
            until("all of it", lambda: len(output.acknowledged) == MOST, 60)
            assert segments(small_disk.seen_by(worker.pid, disk) / "spool") == []
        finally:
            worker.kill()
            worker.wait(60)
    assert {each.id for each in read(ledger)[0]} == output.acknowledged


def in_hand(ledger: Path) -> set[str]:
    """Batches that are sealed and not on the disk."""
    sealed, kept = read(ledger)
    return {each.id for each in sealed} - kept


def test_a_refused_batch_and_a_damaged_file_do_not_hold_up_the_rest(tmp_path: Path) -> None:
    spool, ledger = tmp_path / "spool", tmp_path / "ledger"
    with SpoolOutput() as output, workers() as start:
        output.away = True
        with start(spool, output.url, ledger, most=20):
            until("twenty segments", lambda: len(segments(spool)) == 20, 20)
        first, second, third = segments(spool)[:3]
        second.write_bytes(second.read_bytes()[:100])
        third.write_bytes(b"")
        output.refuses.add(first.name[13:49])
        output.away = False
        with start(spool, output.url, ledger, most=0):
            until("an empty spool", lambda: not segments(spool), 20)
            until("three set aside", lambda: len(segments(spool / "quarantine")) == 3, 20)
    assert len(output.acknowledged) == 17 and not output.acknowledged & output.refuses
    reasons = [path.read_text() for path in sorted((spool / "quarantine").glob("*.reason"))]
    assert [reason.strip() for reason in reasons] == [
        "422 (422)", "the file has 100 bytes and should have " + reasons[1].split()[-1], "the file is empty",
    ]  # fmt: skip


def test_a_second_worker_on_the_folder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 2**20)
    spool.open(0.0)
    try:
        flags = [f"--spool-dir={tmp_path / 'spool'}"]
        second = subprocess.run([*SERVICE, *flags], capture_output=True, text=True, timeout=30, check=False)
    finally:
        spool.close()
    assert second.returncode == 2
    assert second.stderr.count("\n") == 1 and "already owns" in second.stderr and "--spool-dir" in second.stderr
