"""What is known of paths is kept for each pass that is worked on, and for no other."""

from hoploom.ping_service.passes import MAX_PASSES, Passes
from hoploom.wire.lease import LeaseId


def of(campaign: str = "demo", edition: int = 1, number: int = 0, family: int = 4, start: int = 0) -> str:
    return str(
        LeaseId(
            campaign=campaign, edition=edition, round=number, family=family, start=start, stop=start + 1, nonce="0" * 16
        )
    )


def test_leases_of_a_pass_share_what_is_known_and_other_passes_do_not() -> None:
    passes: Passes[list[str]] = Passes(list)
    passes.get(of()).append("192.0.2.1")
    assert passes.get(of(start=7)) == ["192.0.2.1"]
    for other in (of("second"), of(edition=2), of(number=1), of(family=6)):
        assert passes.get(other) == []


def test_what_is_empty_still_is_the_same_one() -> None:
    passes: Passes[list[str]] = Passes(list)
    assert passes.get(of()) is passes.get(of())


def test_a_pass_that_is_forgotten_begins_anew() -> None:
    passes: Passes[list[str]] = Passes(list)
    passes.get(of()).append("192.0.2.1")
    passes.forget(of(start=7))
    passes.forget(of("never begun"[:5]))
    assert passes.get(of()) == []


def test_the_passes_that_were_worked_on_last_are_kept() -> None:
    passes: Passes[list[int]] = Passes(list)
    for number in range(MAX_PASSES):
        passes.get(of(number=number)).append(number)
    passes.get(of(number=0))
    passes.get(of(number=MAX_PASSES)).append(MAX_PASSES)
    assert [passes.get(of(number=number)) for number in (0, 2, MAX_PASSES)] == [[0], [2], [MAX_PASSES]]
    assert passes.get(of(number=1)) == []
