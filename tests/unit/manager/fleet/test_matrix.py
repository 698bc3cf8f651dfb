"""The matrix of a fleet: medians, losses, and which pairs are bad."""

from collections.abc import Sequence
from typing import Any

import pytest

from hoploom.manager.fleet.matrix import ROUNDS, Pair, Round, pairs, why_bad

OWNERS = {"127.0.0.1": "attic", "127.0.0.2": "barn", "127.0.0.3": "cellar", "127.0.1.3": "cellar"}


def row(worker: str, address: str, at_us: int, rtt_us: int | None = 1000, received: int = 10) -> dict[str, Any]:
    got = received if rtt_us is not None else 0
    return {"worker": worker, "address": address, "at_us": at_us, "rtt_avg_us": rtt_us, "sent": 10, "received": got}


def found(*rows: dict[str, Any]) -> list[Pair]:
    return pairs(rows, OWNERS)


def test_a_pair_has_the_median_of_its_rounds_and_what_was_lost_of_all() -> None:
    rows = [row("attic", "127.0.0.2", at, rtt, 9) for at, rtt in enumerate((900, 5000))]
    assert found(*rows) == [Pair("attic", "barn", 2950, 0.1, 2)]


def test_each_direction_is_a_pair_and_nobody_is_paired_with_itself() -> None:
    rows = [row(*names, 1) for names in (("attic", "127.0.0.2"), ("barn", "127.0.0.1"), ("attic", "127.0.0.1"))]
    assert [(each.source, each.destination) for each in found(*rows)] == [("attic", "barn"), ("barn", "attic")]


def test_addresses_of_nobody_are_left_out() -> None:
    assert found(row("attic", "127.0.0.99", 1)) == []


def test_a_pair_that_nobody_answers_has_no_time() -> None:
    assert found(row("attic", "127.0.0.2", 1, None)) == [Pair("attic", "barn", None, 1.0, 1)]


def test_only_the_newest_rounds_count_in_whatever_order_they_come() -> None:
    rows = [row("attic", "127.0.0.2", at, 1000 if at >= 5 else 9000) for at in range(ROUNDS + 5)]
    assert found(*rows[::-1]) == [Pair("attic", "barn", 1000, 0.0, ROUNDS)]


def test_of_several_addresses_one_bad_one_is_enough() -> None:
    rows = [row("attic", "127.0.0.3", at) for at in range(6)]
    rows += [row("attic", "127.0.1.3", at, 1000, 8) for at in range(6)]
    [pair] = found(*rows)
    assert pair.why == "in each of 3 rounds up to 20% lost"
    assert "127" not in str(pair.to_json())


BAD: list[tuple[str, Sequence[tuple[int | None, int]], str]] = [
    ("well", [(1000, 20)] * 5, ""),
    ("that lost a little", [(1000, 19)] * 5, ""),
    ("that lost more than a twentieth three times", [(1000, 18)] * 3, "up to 10% lost"),
    ("that lost much twice", [(1000, 20)] * 3 + [(1000, 2)] * 2, ""),
    ("that is well again", [(None, 0)] * 3 + [(1000, 20)], ""),
    ("that is silent", [(1000, 20)] * 3 + [(None, 0)] * 3, "up to 100% lost"),
    ("that was always silent", [(None, 0)] * 3, "up to 100% lost"),
    ("that became slow", [(1000, 20)] * 9 + [(2100, 20)] * 3, "up to 2.1 ms, usually 1.0"),
    ("that became a little slower", [(1000, 20)] * 9 + [(1900, 20)] * 3, ""),
    ("of one room that is slower by nothing much", [(100, 20)] * 9 + [(900, 20)] * 3, ""),
    ("that is slow and always was", [(300_000, 20)] * 12, ""),
    ("that was slow, lossy and silent in turn", [(1000, 20)] * 9 + [(2100, 20), (1000, 1), (None, 0)], "lost and 2.1"),
    ("of two rounds", [(None, 0)] * 2, ""),
]


@pytest.mark.parametrize(("what", "rounds", "said"), BAD, ids=[each[0] for each in BAD])
def test_a_pair(what: str, rounds: Sequence[tuple[int | None, int]], said: str) -> None:
    why = why_bad([Round(at, 20, received, rtt_us) for at, (rtt_us, received) in enumerate(rounds)])
    assert (said in why) if said else not why, what
