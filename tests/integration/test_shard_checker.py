"""Input instances on three real Consul servers, killed and stopped under workers that forget and come back late.

Every position is done exactly once, and nothing that was acknowledged is lost. And the checker that says so turns red
where late acknowledgements count, and where workers acknowledge before they store.
"""

from pathlib import Path

from lab.check_ledger import account
from lab.check_shards import Work, unfinished
from lab.faults import consul_faults, process_faults
from lab.finding import Finding
from lab.history import read
from lab.input_arena import InputArena
from lab.input_mesh import CAMPAIGN
from lab.lease_workers import Habits
from lab.nemesis import Kind, Nemesis, schedule
from lab.shard_run import acknowledged, completions, unknown
from waiting import pause, until

SEED, LENGTH_S = 7, 12.0
FAULTS = [
    Kind("kill", ("i0", "i1", "i2"), 2.0, 0.2, 2.0),
    Kind("stop", ("i0", "i1", "i2"), 1.0, 1.0, 6.0),
    Kind("server kill", ("",), 0.5, 1.0, 3.0),
    Kind("server stop", ("",), 0.5, 1.0, 3.0),
]
WORK = Work(CAMPAIGN, 0, "all")


def of_shards(arena: InputArena, size: int) -> list[Finding]:
    return unfinished({WORK: size}, completions(read(arena.history)))


def test_every_target_is_done_once_while_instances_die_and_stop(tmp_path: Path) -> None:
    plan = schedule(SEED, FAULTS, LENGTH_S, 2.5)
    with InputArena(tmp_path, 3, "127.0.0.0/16", Habits(count=10, work_s=2.0)) as arena:
        faults = {**process_faults(arena.__getitem__), **consul_faults(arena.cluster)}
        with Nemesis(arena.recorder, faults) as nemesis:
            nemesis.run(plan)
        until("the end of the campaign", arena.finished, 90, 0.5)
    assert unknown(read(arena.history)) == [], "workers are patient enough to know"
    assert of_shards(arena, 2**16) == []
    acked, stored = acknowledged(read(arena.history)), arena.stored()
    assert account(stored, acked, stored).findings(drained=True) == []
    assert len(stored) == 2**16


def test_where_late_acknowledgements_count_targets_are_done_twice_and_the_checker_says_so(tmp_path: Path) -> None:
    habits = Habits(count=6, work_s=0.2, forgets=0.5, comes_back=1.0)
    with InputArena(tmp_path, 1, "127.0.0.0/18", habits, fenced=False) as arena:
        until("the end of the campaign", arena.finished, 60, 0.2)
    assert any("done twice" in each.words for each in of_shards(arena, 2**14))


def test_workers_that_acknowledge_before_they_store_lose_rows_until_the_audit_and_the_checker_says_so(
    tmp_path: Path,
) -> None:
    def lost() -> bool:
        events, stored = read(arena.history), arena.stored()
        return bool(account(stored, acknowledged(events), stored).lost)

    with InputArena(tmp_path, 1, "127.0.0.0/18", Habits(count=6, work_s=0.2, stores_late=True)) as arena:
        until("a red checker", lost, 30)
        until("the end of the campaign", arena.finished, 90, 0.2)
        pause(1)
        assert not lost(), "the audit had what was missing done again"
