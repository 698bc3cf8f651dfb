"""What would be probed, and whether it may."""

import tracemalloc
from typing import Any

import pytest

from hoploom.kit.errors import BadRequest, Forbidden, Unprocessable
from hoploom.targets import plan
from hoploom.targets.notation import parse_block
from hoploom.targets.sampling import parse_sampling
from hoploom.targets.special_purpose import Space


def make(*texts: str, excludes: tuple[str, ...] = (), **wishes: Any) -> plan.Plan:
    blocks, left_out = ([parse_block(text) for text in each] for each in (texts, excludes))
    return plan.make("demo", blocks, left_out, plan.Wishes(**wishes))


@pytest.mark.parametrize(
    ("name", "texts", "counts"),
    [
        ("own space is mapped whole", ("127.0.0.0/20",), {4: 4096}),
        ("public space is sampled", ("8.8.0.0/16",), {4: 256}),
        ("both side by side", ("8.8.0.0/16", "10.0.0.0/28"), {4: 256 + 16}),
        ("families have sets of their own", ("8.8.8.0/24", "2a00::/32"), {4: 1, 6: 65_536}),
        ("overlaps count once", ("10.0.0.0/24", "10.0.0.0/25", "10.0.0.128/25"), {4: 256}),
        ("small neighbours in one /24 are one cell", ("8.8.8.0/30", "8.8.8.64/30", "8.8.8.8"), {4: 1}),
    ],
)
def test_how_many_targets(name: str, texts: tuple[str, ...], counts: dict[int, int]) -> None:
    found = make(*texts, allow_private=True)
    assert {family: each.n for family, each in found.sets.items()} == counts, name
    assert found.targets == sum(counts.values())


def test_a_rule_holds_in_every_space() -> None:
    assert make("127.0.0.0/20", allow_private=True, sampling=parse_sampling("24:2")).targets == 32


def test_exclusions_and_special_space_are_left_out_and_counted() -> None:
    found = make("8.8.8.0/24", "224.0.0.0/24", "169.254.169.254", excludes=("8.8.8.0/25", "1.1.1.1"))
    assert (found.blocks, found.addresses, found.excluded, found.special) == (3, 513, 128, 257)
    assert found.spaces == {Space.PUBLIC: 128} and found.needs_contact


@pytest.mark.parametrize(
    ("texts", "wanted", "rate"),
    [
        (("127.0.0.0/24",), None, 0),
        (("127.0.0.0/24", "10.0.0.0/24"), None, 1000),
        (("127.0.0.0/24", "10.0.0.0/24", "8.8.8.8"), None, 100),
        (("127.0.0.0/24",), 50, 50),
        (("8.8.8.8",), 5000, 5000),
    ],
)
def test_the_slowest_kind_of_space_sets_the_rate_unless_one_is_given(
    texts: tuple[str, ...], wanted: int | None, rate: int
) -> None:
    assert make(*texts, allow_private=True, rate_pps=wanted).rate_pps == rate


def test_time_and_bandwidth_follow_the_rate() -> None:
    found = make("8.8.0.0/16")
    assert found.seconds(packets_a_target=2) == 5.12 and 0.05 < (found.mbit_s(56) or 0) < 0.1
    unlimited = make("127.0.0.0/24", allow_private=True)
    assert unlimited.seconds(1) is None and unlimited.mbit_s(56) is None and not unlimited.needs_contact


@pytest.mark.parametrize(
    ("name", "texts", "wishes", "error", "reason"),
    [
        ("loopback without its key", ("127.0.0.1",), {}, Forbidden, "--allow-private"),
        ("private without its key", ("fc00::1", "8.8.8.8"), {}, Forbidden, "--allow-private"),
        ("multicast", ("224.0.0.1",), {"allow_private": True}, Unprocessable, "multicast, RFC 5771"),
        ("cloud metadata", ("169.254.169.254",), {"allow_private": True}, Unprocessable, "link-local"),
        ("NAT64 of loopback", ("64:ff9b::7f00:1",), {"allow_private": True}, Unprocessable, "loopback inside"),
        ("nothing", (), {}, Unprocessable, "no block"),
        ("over the cap", ("8.0.0.0/16",), {"max_targets": 255}, Unprocessable, "256 targets are more than 255"),
        ("the Internet", ("::/0",), {"allow_private": True}, Unprocessable, "--per-prefix.*--max-targets"),
        ("no limit in public", ("8.8.8.8",), {"rate_pps": 0}, Unprocessable, "--rate"),
    ],
)
def test_what_may_not_be_probed_is_refused_with_the_reason(
    name: str, texts: tuple[str, ...], wishes: dict[str, Any], error: type[BadRequest], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        make(*texts, **wishes)


def test_exclusions_that_cover_everything_say_so() -> None:
    with pytest.raises(Unprocessable, match="exclusions"):
        make("8.8.8.8", excludes=("8.0.0.0/8",))


@pytest.mark.parametrize("texts", [("::/0",), ("0.0.0.0/1", "128.0.0.0/1") * 5000], ids=["::/0", "10,000 halves"])
def test_the_whole_internet_is_refused_without_memory(texts: tuple[str, ...]) -> None:
    blocks = [parse_block(text) for text in texts]
    tracemalloc.start()
    try:
        with pytest.raises(Unprocessable, match="are more than 10,000,000"):
            plan.make("demo", blocks, [], plan.Wishes(allow_private=True))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_campaign_keeps_its_samples_and_another_has_others() -> None:
    blocks = [parse_block("8.8.0.0/16")]
    first, again, other = (plan.make(name, blocks, [], plan.Wishes()).sets[4].digest() for name in ("a", "a", "b"))
    assert first == again != other
