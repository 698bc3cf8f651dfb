"""Leaders on three real Consul servers, killed, stopped, cut off: no effect of an old term counts.

And the checker that says so turns red when the fence is off.
The seed stands in the test: a run that fails is repeated with the same schedule. The history and the logs of a run stay
in pytest's folder.
"""

from pathlib import Path

import pytest

from lab.arena import Arena
from lab.check_leadership import effects_of, fallen_back
from lab.history import OK, of, read
from lab.leader_faults import FAULTS, leader_faults, named
from lab.namespace import in_namespace, needs_root
from lab.nemesis import Nemesis, schedule
from lab.node_links import NodeLinks
from waiting import pause, until


@pytest.mark.parametrize("seed", [378])
def test_no_effect_of_an_old_term_counts_whatever_happens(tmp_path: Path, seed: int) -> None:
    plan = schedule(seed, FAULTS, 35, 2.5)
    with Arena(tmp_path, 3) as arena:
        with Nemesis(arena.recorder, leader_faults(arena), named(arena)) as nemesis:
            nemesis.run(plan)
        arena.candidates.leader(40)
        pause(1)
        found = arena.verdict()
    print(found)
    assert found.findings == (), str(found)
    assert found.acquired >= 4, "the faults moved the role"
    assert found.accepted > 100, "the leaders did something"
    assert [each for each in found.overlaps if not each.excused] == []


def test_with_the_fence_off_a_stopped_leaders_effect_counts_and_the_checker_says_so(tmp_path: Path) -> None:
    with Arena(tmp_path, 2, "--busy-s", "0.2", fenced=False) as arena:
        with Nemesis(arena.recorder, leader_faults(arena), named(arena)) as nemesis:
            until("a red checker", lambda: _red(arena, nemesis), 60, 0)
        rules = {each.rule.split()[0] for each in arena.verdict().findings}
    assert rules == {"E1"}, "and nothing else was wrong"


def _red(arena: Arena, nemesis: Nemesis) -> bool:
    """Stop a leader until another leads, let it go on, and look whether its last effect was taken."""
    leader, term = arena.candidates.stand_by(1)
    nemesis.strike("stop", leader.name, 0)
    arena.candidates.next_after(term.t, 20)
    pause(1)
    nemesis.end()
    pause(1)
    return bool(fallen_back(effects_of(read(arena.history), "sink")))


@needs_root
def test_a_leader_that_consul_cannot_reach_ends_before_another_begins(tmp_path: Path) -> None:
    async def cut_off() -> None:
        with NodeLinks(5) as links, Arena(tmp_path, 2, links=links) as arena:
            leader, term = arena.candidates.stand_by(1)
            node = arena.cluster.clients[arena.candidates.all.index(leader)].number
            links.isolate(node)
            following = arena.candidates.next_after(term.t, 45)
            assert following.proc != leader.name
            links.heal()
            pause(1)
            found = arena.verdict()
        print(found)
        assert found.findings == (), str(found)
        assert found.overlaps == (), "it had ended by its own clock"
        assert any(each.t < following.t for each in of(read(tmp_path / "history"), "end", OK, key="lab"))

    in_namespace(cut_off)
