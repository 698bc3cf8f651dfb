"""What a process may believe about its session."""

from hoploom.kit.belief import BEAT_EVERY_S, LAG_LIMIT_S, MARGIN_S, TTL_S, Belief, Token

BEATING = Belief().made("s1", 100.0).beat(100.0)


def test_tokens_are_ordered_by_epoch_first_and_travel_as_text() -> None:
    assert Token(0, 99) < Token(1, 2) < Token(1, 3) and str(Token(1, 3)) == "1.3"


def test_belief_ends_a_margin_before_the_ttl_counted_from_the_start_of_the_renewal() -> None:
    assert BEATING.deadline_s == 100.0 + TTL_S - MARGIN_S
    late = BEATING.beat(107.9)
    assert late.beat(107.99).valid(107.99) is False, "a beat after 8 s of silence is a stall"
    steady = Belief("s1", renewed_s=100.0, beat_s=107.9)
    assert steady.valid(107.99) and not steady.valid(108.0)


def test_a_renewal_that_began_earlier_does_not_move_the_deadline_back() -> None:
    assert BEATING.renewed(103.0).renewed(101.0).deadline_s == 103.0 + TTL_S - MARGIN_S


def test_nothing_is_believed_while_the_event_loop_hangs() -> None:
    limit_s = BEAT_EVERY_S + LAG_LIMIT_S
    assert BEATING.valid(100.0 + limit_s) and not BEATING.valid(100.01 + limit_s)


def test_after_a_stall_only_a_renewal_that_began_later_counts() -> None:
    awake = BEATING.beat(103.0)
    assert awake.stalled_s == 103.0 and not awake.valid(103.0)
    assert not awake.renewed(102.9).valid(103.1)
    assert awake.renewed(103.05).valid(103.1)


def test_without_a_session_nothing_is_believed() -> None:
    assert not Belief().beat(1.0).valid(1.0) and not BEATING.ended().valid(100.0)
