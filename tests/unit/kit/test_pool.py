"""The instances as one client knows them: who is in, who is out, who is tried, and what stays of whom."""

import random

import pytest

from hoploom.kit import picking
from hoploom.kit.pool import Peer, Pool

NAMES = "abcdefgh"


def _pool(count: int) -> Pool:
    pool = Pool(random.Random(1).random)
    _learn(pool, NAMES[:count])
    return pool


def _learn(pool: Pool, names: str, now_s: float = 0.0) -> None:
    pool.learn({name: f"http://{name}" for name in names}, now_s)


def _peer(pool: Pool, name: str) -> Peer:
    return next(each for each in pool.peers if each.url == f"http://{name}")


def _ask(pool: Pool, now_s: float, bad: str = "", avoid: Peer | None = None) -> str:
    """One request to its end; who is in `bad` fails."""
    turn = pool.take(now_s, avoid)
    assert turn is not None
    name = turn.peer.url[-1]
    pool.judge(turn, now_s, failed=name in bad)
    pool.leave(turn)
    return name


def _put_out(pool: Pool, name: str, now_s: float = 0.0) -> None:
    for _ in range(200):
        _ask(pool, now_s, bad=name)
    assert _peer(pool, name).standing.is_out


def test_nobody_known_is_nobody() -> None:
    assert Pool(random.random).take(0.0) is None


def test_what_is_open_counts_until_it_is_left_and_not_until_it_is_answered() -> None:
    pool = _pool(2)
    stream = pool.take(0.0)
    assert stream is not None
    pool.judge(stream, 0.0, failed=False)
    assert {_ask(pool, 0.0) for _ in range(20)} == {"a", "b"} - {stream.peer.url[-1]}
    assert pool.outstanding == 1
    pool.leave(stream)
    assert pool.outstanding == 0


def test_who_fails_is_out_and_asked_no_more() -> None:
    pool = _pool(3)
    _put_out(pool, "a")
    assert "a" not in {_ask(pool, 4.9) for _ in range(100)}
    assert pool.out == 1


def test_when_the_time_is_over_one_request_tries_it_and_the_others_wait_for_the_outcome() -> None:
    pool = _pool(3)
    _put_out(pool, "a")
    trial = pool.take(7.0)
    assert trial is not None
    assert trial.peer.url == "http://a"
    assert "a" not in {_ask(pool, 7.0) for _ in range(100)}
    pool.judge(trial, 7.0, failed=False)
    pool.leave(trial)
    assert "a" in {_ask(pool, 7.0) for _ in range(100)}


def test_a_trial_that_fails_puts_it_out_for_longer() -> None:
    pool = _pool(3)
    _put_out(pool, "a")
    assert _ask(pool, 7.0, bad="a") == "a"
    assert "a" not in {_ask(pool, 16.9) for _ in range(100)}
    assert _ask(pool, 20.0) == "a"


def test_a_trial_of_which_nobody_awaits_the_end_decides_nothing() -> None:
    pool = _pool(3)
    _put_out(pool, "a")
    trial = pool.take(7.0)
    assert trial is not None
    pool.leave(trial, is_judged=False)
    assert pool.out == 1
    assert _ask(pool, 7.0) == "a"


def test_an_answer_to_what_was_asked_before_brings_nobody_back() -> None:
    pool = _pool(2)
    slow = [pool.take(0.0), pool.take(0.0)]
    _put_out(pool, "a")
    for turn in slow:
        assert turn is not None
        pool.judge(turn, 1.0, failed=False)
    assert pool.out == 1


def test_half_of_them_stay_in_when_all_fail_and_all_of_them_are_asked() -> None:
    pool = _pool(4)
    for _ in range(200):
        _ask(pool, 0.0, bad=NAMES)
    assert pool.out == 2
    assert {_ask(pool, 0.0, bad=NAMES) for _ in range(200)} == set("abcd")


def test_after_an_outage_of_all_whoever_is_back_first_is_found_at_once() -> None:
    pool = _pool(4)
    for _ in range(200):
        _ask(pool, 0.0, bad=NAMES)
    back = next(each for each in pool.peers if each.standing.is_out).url[-1]
    dead = NAMES.replace(back, "")
    failed = [_ask(pool, 1.0, bad=dead) in dead for _ in range(60)]
    # The other three may not be out all at once.
    assert not _peer(pool, back).standing.is_out
    assert sum(failed[:20]) < 20


def test_the_only_one_is_never_out() -> None:
    pool = _pool(1)
    assert {_ask(pool, 0.0, bad="a") for _ in range(20)} == {"a"}
    assert pool.out == 0


AVOIDED = [("another that is in", 3, "a"), ("one that is out, for want of another", 2, "a")]


@pytest.mark.parametrize(("_", "count", "out"), AVOIDED, ids=[each[0] for each in AVOIDED])
def test_the_second_try_goes_to_another(_: str, count: int, out: str) -> None:
    pool = _pool(count)
    _put_out(pool, out)
    found = {_ask(pool, 1.0, avoid=_peer(pool, "b")) for _ in range(20)}
    assert found == ({"c"} if count == 3 else {"a"})


def test_the_second_try_goes_to_another_host_where_there_is_one() -> None:
    pool = _pool(0)
    pool.learn({"a": "http://one:1", "b": "http://one:2", "c": "http://two:1"}, 0.0)
    first = next(each for each in pool.peers if each.url == "http://one:1")
    for _ in range(20):
        turn = pool.take(0.0, first)
        assert turn is not None and turn.peer.url == "http://two:1"
        pool.leave(turn)
    pool.learn({"a": "http://one:1", "b": "http://one:2"}, 0.0)
    turn = pool.take(0.0, first)
    assert turn is not None and turn.peer.url == "http://one:2"


def test_the_second_try_goes_to_the_same_where_there_is_no_other() -> None:
    pool = _pool(1)
    assert _ask(pool, 0.0, avoid=_peer(pool, "a")) == "a"


def test_who_is_no_longer_listed_is_asked_no_more_and_forgotten() -> None:
    pool = _pool(3)
    _put_out(pool, "a")
    _learn(pool, "bc")
    assert {_ask(pool, 0.0) for _ in range(50)} == {"b", "c"}
    _learn(pool, "abc")
    assert not _peer(pool, "a").standing.is_out


def test_what_comes_late_of_who_has_left_changes_nothing() -> None:
    pool = _pool(2)
    turns = [turn for turn in (pool.take(0.0), pool.take(0.0)) if turn]
    _learn(pool, "cd")
    for turn in turns:
        for _ in range(9):
            assert pool.judge(turn, 0.0, failed=True) == 0.0
        pool.leave(turn)
    assert (pool.out, pool.outstanding) == (0, 0)


def test_a_list_that_becomes_shorter_takes_back_whom_it_needs() -> None:
    pool = _pool(4)
    _put_out(pool, "a")
    _put_out(pool, "b")
    _learn(pool, "abc")
    assert pool.out == 1


def test_who_joins_others_warms_up_and_who_comes_first_does_not() -> None:
    pool = _pool(2)
    _learn(pool, "abc", 100.0)
    assert _peer(pool, "a").warm_s < 0
    assert _peer(pool, "c").warm_s == 100.0 + picking.WARM_S


def test_an_instance_with_another_address_is_another() -> None:
    pool = _pool(2)
    _put_out(pool, "a")
    pool.learn({"a": "http://z", "b": "http://b"}, 0.0)
    assert pool.out == 0


def _shared(pool: Pool, *parts: tuple[float, str]) -> None:
    names = "".join(those for _, those in parts)
    pool.learn({name: f"http://{name}" for name in names}, 0.0, [(share, list(those)) for share, those in parts])


def _asked(pool: Pool, count: int, bad: str = "", now_s: float = 0.0) -> str:
    return "".join(_ask(pool, now_s, bad) for _ in range(count))


def test_a_version_with_a_tenth_gets_a_tenth_whoever_is_busy_and_however_many_it_has() -> None:
    pool = _pool(4)
    _shared(pool, (0.9, "a"), (0.1, "bcd"))
    for busy in ("", "a", "bcd"):
        for each in busy:
            _peer(pool, each).outstanding += 5
        assert _asked(pool, 5_000).count("a") / 5_000 == pytest.approx(0.9, abs=0.02)


def test_of_a_version_the_least_busy_one_is_asked() -> None:
    pool = _pool(3)
    _shared(pool, (0.5, "a"), (0.5, "bc"))
    _peer(pool, "b").outstanding += 1
    assert set(_asked(pool, 100)) == {"a", "c"}


GIVEN_NOTHING = [
    ("all is well", "", "a"),
    ("the only other one fails", "a", "a"),
    ("one of two others fails", "a", "ab"),
    ("all others fail", "ab", "ab"),
]


@pytest.mark.parametrize(("_", "bad", "others"), GIVEN_NOTHING, ids=[each[0] for each in GIVEN_NOTHING])
def test_a_version_with_nothing_is_asked_nothing_while_another_is_there(_: str, bad: str, others: str) -> None:
    pool = _pool(4)
    _shared(pool, (1.0, others), (0.0, "cd"))
    for now_s in range(60):
        assert set(_asked(pool, 10, bad, float(now_s))) <= set(others)
        assert _ask(pool, float(now_s), bad, avoid=_peer(pool, "a")) in others


def test_where_nobody_else_is_there_even_a_version_with_nothing_is_asked() -> None:
    pool = _pool(2)
    _shared(pool, (0.0, "ab"))
    assert set(_asked(pool, 50)) == {"a", "b"}


def test_a_version_of_which_all_are_out_leaves_its_share_to_the_others() -> None:
    pool = _pool(4)
    _shared(pool, (0.6, "abc"), (0.4, "d"))
    _put_out(pool, "d")
    assert set(_asked(pool, 100, now_s=1.0)) == {"a", "b", "c"}


def test_without_shares_all_are_asked_alike_again_and_what_is_known_of_them_stays() -> None:
    pool = _pool(4)
    _shared(pool, (1.0, "abc"), (0.0, "d"))
    _put_out(pool, "a")
    _learn(pool, "abcd")
    assert pool.out == 1
    assert set(_asked(pool, 200)) == {"b", "c", "d"}
