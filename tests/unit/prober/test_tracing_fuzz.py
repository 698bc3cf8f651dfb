"""The machine of a trace against answers nobody could give: it ends, within its probes, and makes nothing up."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hoploom.prober.traces import TraceSettings
from hoploom.wire.addresses import column, parse
from hoploom.wire.columns import Frame, check
from hoploom.wire.traces import Traces
from lab.trace_world import Drive, Reply, World

MS = 1_000_000
ADDRESSES = [parse(each) for each in ("192.0.2.1", "192.0.2.2", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")]
KINDS = [(11, 0), (11, 1), (3, 1), (3, 3), (0, 0), (12, 0)]


@st.composite
def any_world(draw: st.DrawFn) -> World:
    """Answers nobody could give: to any probe any number of them, at any time, from anybody."""
    replies = st.builds(
        lambda delay, address, kind, reply_ttl, quoted: Reply(delay, address, kind[0], kind[1], reply_ttl, quoted),
        st.sampled_from([MS, 40 * MS, 700 * MS, 2500 * MS]),
        st.sampled_from(ADDRESSES),
        st.sampled_from(KINDS),
        st.integers(-1, 255),
        st.integers(-1, 70),
    )
    told = draw(st.dictionaries(st.tuples(st.integers(0, 2), st.integers(1, 16)), st.lists(replies, max_size=3)))
    common = draw(st.lists(replies, max_size=1))

    def ask(targets: NDArray[np.int32], ttls: NDArray[np.uint8]) -> list[list[Reply]]:
        return [told.get(pair, common) for pair in zip(targets.tolist(), ttls.tolist(), strict=True)]

    return ask


SETTINGS = st.builds(
    lambda ttls, gap, attempts, interval_s, whole: TraceSettings(
        first_ttl=sorted(ttls)[0], split_ttl=sorted(ttls)[1], max_ttl=sorted(ttls)[2], gap_limit=gap,
        attempts=attempts, interval_s=interval_s, timeout_s=1.0, is_whole=whole),
    st.tuples(st.integers(1, 16), st.integers(1, 16), st.integers(1, 16)),
    st.integers(1, 6), st.integers(1, 3), st.sampled_from([0.0, 0.05, 0.5]), st.booleans(),
)  # fmt: skip


@given(any_world(), SETTINGS, st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_whatever_answers_it_ends_within_its_probes_and_claims_what_was_answered(
    world: World, asked: TraceSettings, count: int
) -> None:
    targets = column(["192.0.2.1", "192.0.2.2", "192.0.2.9"])[:count]
    drive = Drive(targets, asked, world)
    found = drive.run()
    assert drive.tracing.in_flight == 0 and len(found) == count
    assert drive.now_ns <= (asked.max_ttl + 1) * asked.attempts * 3_000 * MS
    for pair in set(drive.sent):
        assert drive.sent.count(pair) <= asked.attempts + 1
    assert found.sent.tolist() == [sum(row == target for row, _ in drive.sent) for target in range(count)]
    assert (found.sent <= (asked.max_ttl + 1) * asked.attempts + 1).all()
    travels = {each.name: getattr(found, each.name) for each in fields(found) if not each.name.startswith("started")}
    check(Traces(position=np.arange(count), address=targets, **travels), Frame(0, count, 4))
    for row, (target, ttl) in enumerate(zip(found.hop_target, found.hop_ttl, strict=True)):
        (replies,) = world(np.array([target]), np.array([ttl]))
        address = found.hop_address[row].tobytes()
        assert address in {each.address for each in replies} or address == bytes(16)
        assert (target, ttl) in drive.sent
        assert ttl >= found.joined_ttl[target]
