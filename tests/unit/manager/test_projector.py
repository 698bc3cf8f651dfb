"""Workers elsewhere in Consul's catalogue: what should stand there, and the fewest writes that make it so."""

from dataclasses import replace
from math import inf

import pytest

from hoploom.kit import external_nodes
from hoploom.kit.external_nodes import ExternalNode
from hoploom.manager.projector import (
    DEAF_S,
    LARGEST_TRANSACTION,
    WARM_S,
    Hearing,
    WorkerState,
    steps,
    transactions,
    wanted,
)

WELL = Hearing(since_s=0.0, at_s=1e6)
FRESH = Hearing(since_s=0.0, at_s=WARM_S / 2)
DEAF = replace(WELL, deaf=True)
PASSES = WorkerState("passing")


def stands(status: str, output: str, version: str = "0.1.0") -> ExternalNode:
    meta = {"edge": "true", "worker": "pi", "version": version}
    return ExternalNode("edge-pi", "ping", "ping-pi", (version,), meta, status, output)


PASSING = stands("passing", "its ads come, and it says that it can probe")

JUDGED: list[tuple[str, WorkerState | None, ExternalNode | None, Hearing, tuple[str, str]]] = [
    ("that sends its ads passes", WorkerState("passing"), None, WELL, ("passing", "its ads come")),
    ("that says so has a warning", WorkerState("warning"), PASSING, WELL, ("warning", "its page says why")),
    ("of which there are two has a warning", WorkerState("clash"), PASSING, WELL, ("warning", "two machines")),
    ("that stopped is critical", WorkerState("stopped"), PASSING, WELL, ("critical", "it has said that it stops")),
    ("that is silent is critical", None, PASSING, WELL, ("critical", "silent")),
    ("never heard of is critical", None, None, WELL, ("critical", "silent")),
    ("stays what it was while its leader has just begun to listen", None, PASSING, FRESH, ("passing", "its ads come")),
    ("never seen by a leader that has just begun to listen is not known", None, None, FRESH, ("warning", "not known")),
    ("heard by a leader that has just begun to listen passes", PASSES, None, FRESH, ("passing", "its ads")),
    ("is not known when nobody is heard", None, PASSING, DEAF, ("warning", "not known")),
    ("heard a while ago is not known when nobody is heard", PASSES, PASSING, DEAF, ("warning", "not known")),
]


@pytest.mark.parametrize(("what", "heard", "known", "hearing", "said"), JUDGED, ids=[each[0] for each in JUDGED])
def test_a_worker(
    what: str, heard: WorkerState | None, known: ExternalNode | None, hearing: Hearing, said: tuple[str, str]
) -> None:
    standing = {known.name: known} if known else {}
    [node] = wanted(["pi"], {"pi": heard} if heard else {}, standing, hearing).values()
    assert node.status == said[0], what
    assert said[1] in node.output


def test_who_hears_nobody_of_several_is_deaf_and_listens_anew_before_it_calls_anybody_silent() -> None:
    heard = Hearing(since_s=0.0, at_s=0.0).after(100.0, 5.0, 2)
    assert (heard.deaf, heard.warm) == (False, True)
    deaf = heard.after(130.0, DEAF_S + 5, 2)
    assert (deaf.deaf, deaf.warm) == (True, False)
    assert deaf.after(9000.0, 9000.0, 2).deaf
    again = deaf.after(200.0, 1.0, 2)
    assert (again.deaf, again.warm) == (False, False), "most have not sent anything yet"
    assert again.after(200.0 + WARM_S, 1.0, 2).warm


@pytest.mark.parametrize(
    ("what", "after_s", "newest_s", "sources", "deaf"),
    [
        ("a leader that has just begun is not deaf yet", DEAF_S, inf, 2, False),
        ("one that never heard anybody is", DEAF_S + 1, inf, 2, True),
        ("silence of the only worker is its own", 1e6, inf, 1, False),
        ("where nobody is enrolled nobody is missed", 1e6, inf, 0, False),
        ("one of two is enough", 1e6, DEAF_S, 2, False),
    ],
)
def test_deafness(what: str, after_s: float, newest_s: float, sources: int, deaf: bool) -> None:
    assert Hearing(0.0, 0.0).after(after_s, newest_s, sources).deaf is deaf, what


@pytest.mark.parametrize(
    ("version", "tags"),
    [
        ("0.2.0", ("0.2.0",)),
        ("0.2.0+git-1", ("0.2.0+git-1",)),
        ("", ("0.1.0",)),
        ("urlprefix-/api", ("0.1.0",)),
        ("urlprefix-:80 proto=tcp", ("0.1.0",)),
        ("1 " * 40, ("0.1.0",)),
    ],
)
def test_only_a_version_becomes_a_tag(version: str, tags: tuple[str, ...]) -> None:
    [node] = wanted(["pi"], {"pi": WorkerState("passing", version)}, {"edge-pi": PASSING}, WELL).values()
    assert (node.tags, node.meta["version"]) == (tags, tags[0])


def test_who_is_not_enrolled_here_is_not_shown() -> None:
    assert wanted([], {"elsewhere": WorkerState("passing")}, {}, WELL) == {}


def test_what_stands_as_it_should_is_not_written_again() -> None:
    assert steps({"edge-pi": PASSING}, {"edge-pi": PASSING}) == []


CHANGED: list[tuple[str, ExternalNode | None, list[str]]] = [
    ("that is new is entered whole", None, ["Node", "Service", "Check"]),
    ("of which only the status changed is judged", stands("warning", "x"), ["Check"]),
    ("with other words is judged", replace(PASSING, output="older words"), ["Check"]),
    ("of another version is entered again", stands("passing", PASSING.output, "0.0.9"), ["Node", "Service", "Check"]),
    ("that lost its service is entered again", ExternalNode("edge-pi", "ping"), ["Node", "Service", "Check"]),
]


@pytest.mark.parametrize(("what", "known", "kinds"), CHANGED, ids=[each[0] for each in CHANGED])
def test_a_node(what: str, known: ExternalNode | None, kinds: list[str]) -> None:
    [step] = steps({"edge-pi": PASSING}, {"edge-pi": known} if known else {})
    assert [kind for operation in step for kind in operation] == kinds, what


def test_a_node_of_nobody_is_removed_before_anything_else() -> None:
    gone = replace(PASSING, name="edge-gone")
    assert steps({"edge-pi": PASSING}, {"edge-gone": gone}) == [
        external_nodes.removed("edge-gone"), external_nodes.entered(PASSING)
    ]  # fmt: skip


def test_500_new_workers_are_12_transactions_each_within_consuls_limit() -> None:
    names = [f"pi-{number:03}" for number in range(500)]
    nodes = wanted(names, dict.fromkeys(names, WorkerState("passing", "0.1.0")), {}, WELL)
    found = transactions(steps(nodes, {}))
    assert (len(found), max(map(len, found)), sum(map(len, found))) == (12, LARGEST_TRANSACTION, 1500)
    for each in found:
        assert "Node" in each[0], "no node is torn apart"


def test_nothing_to_do_is_no_transaction() -> None:
    assert transactions([]) == []
