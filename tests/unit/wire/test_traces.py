"""Batches of traceroutes: what is refused and why, and that every encoding brings back what was put in."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import msgpack  # type: ignore[import-untyped]
import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from hoploom.kit.errors import BadRequest, TooLarge, Unprocessable
from hoploom.prober import traces as prober_traces
from hoploom.wire import traces
from hoploom.wire.addresses import MAPPED_PREFIX
from hoploom.wire.batch import Batch, Columns, check
from hoploom.wire.batch_codec import (
    MAX_UNPACKED_BYTES,
    MEDIA_TYPE,
    MEDIA_TYPE_JSON,
    MEDIA_TYPE_ZSTD,
    digest,
    pack,
    to_document,
    unpack,
)
from hoploom.wire.columns import ADDRESS, MAX_RTT_US
from hoploom.wire.traces import LABELS_A_HOP, MAX_HOPS, MAX_LABELS, MAX_TARGETS, Traces
from unit.wire.batches import make
from unit.wire.traces import HOPS, paths, traced


def with_value(name: str, value: Any, row: int) -> Batch:
    """The good batch with one value of one column changed."""
    rows = paths(3)
    changed = getattr(rows, name).copy()
    changed[row] = value
    return traced(columns=dataclasses.replace(rows, **{name: changed}))


def with_rows(**columns: Any) -> Batch:
    """The good batch with whole columns changed."""
    return traced(columns=dataclasses.replace(paths(3), **columns))


def labels(hops: list[int]) -> Batch:
    """The good batch with a label for each of these hops."""
    return with_rows(mpls_hop=np.array(hops, np.int32), mpls_entry=np.zeros(len(hops), np.uint32))


def many(count: int) -> Traces:
    """A trace of one target with so many hops."""
    rows = paths(1)
    hops = {name: np.repeat(getattr(rows, name)[:1], count, axis=0) for name in rows.types() if name.startswith("hop_")}
    return dataclasses.replace(rows, **hops)


ROUTER, SILENT, TARGET = 0, 1, 3
REFUSED = {
    "a target's column is shorter than the others": (with_rows(sent=np.zeros(2, np.uint16)), "differ in length"),
    "a hop's column is shorter than the others": (with_rows(hop_ttl=np.ones(2, np.uint8)), "differ in length"),
    "a label lacks its hop": (with_rows(mpls_hop=np.zeros(1, np.int32)), "differ in length"),
    "there are too many targets": (traced(targets=MAX_TARGETS + 1), f"at most {MAX_TARGETS} rows"),
    "there are too many hops": (traced(columns=many(MAX_HOPS + 1)), f"at most {MAX_HOPS} hops"),
    "there are too many labels": (labels([0] * (MAX_LABELS + 1)), f"at most {MAX_LABELS} labels"),
    "a position lies before the lease": (traced(start=1), "row 0: its position is outside"),
    "a position lies after the lease": (traced(stop=2), "row 2: its position is outside"),
    "a position appears twice": (with_value("position", 0, 2), "row 2: its position appears twice"),
    "a target appears twice": (with_value("address", paths(3).address[0], 2), "row 2: its address appears twice"),
    "an IPv6 target has no address": (
        traced(family=6, columns=dataclasses.replace(paths(3, family=6), address=np.zeros((3, 16), np.uint8))),
        "row 0: it has no address",
    ),
    "an IPv6 target stands in an IPv4 batch": (with_value("address", 1, 1), "row 1: its address is not of"),
    "an IPv6 hop stands in an IPv4 batch": (with_value("hop_address", 1, ROUTER), "hop 0: its address is not of"),
    "an IPv4 hop stands in an IPv6 batch": (
        traced(family=6, columns=dataclasses.replace(paths(3, family=6), hop_address=paths(3).hop_address)),
        "hop 0: its address is not of",
    ),
    "an outcome is unknown": (with_value("outcome", 5, 0), "outcome is unknown"),
    "a target was reached by nothing": (with_value("sent", 0, 0), "nothing was sent"),
    "a path joins beyond every TTL": (with_value("joined_ttl", 65, 0), "joined_ttl is over 64"),
    "a target is too far away": (with_value("distance", 65, 0), "distance is over 64"),
    "an offset is negative": (with_value("at_us", -1, 0), "row 0: its at_us"),
    "a hop is of no target": (with_value("hop_target", 3, 11), "hop 11: its target is no row"),
    "a hop's target is negative": (with_value("hop_target", -1, 0), "hop 0: its target is no row"),
    "a hop is of no target of a batch without any": (
        traced(columns=dataclasses.replace(many(1), **{
            name: getattr(paths(0), name) for name in paths(0).types() if not name.startswith("hop_")
        })),
        "hop 0: its target is no row",
    ),
    "a hop's TTL is 0": (with_value("hop_ttl", 0, 0), "hop 0: its ttl is not 1..64"),
    "a hop's TTL is over 64": (with_value("hop_ttl", 65, TARGET), "hop 3: its ttl is not 1..64"),
    "a hop appears twice": (with_value("hop_ttl", 1, SILENT), "hop 1: it does not follow"),
    "the targets of hops go back": (with_value("hop_target", 0, 4), "hop 4: it does not follow"),
    "an answer took no time at all": (with_value("hop_rtt_us", -1, ROUTER), "hop 0: its RTT"),
    "an answer took too long": (with_value("hop_rtt_us", MAX_RTT_US + 1, ROUTER), "hop 0: its RTT"),
    "a silent hop has an RTT": (with_value("hop_rtt_us", 5, SILENT), "hop 1: it has no address"),
    "a silent hop has a type": (with_value("hop_icmp_type", 11, SILENT), "hop 1: it has no address"),
    "a silent hop has a reply TTL": (with_value("hop_reply_ttl", 64, SILENT), "hop 1: it has no address"),
    "an answer has no type": (with_value("hop_icmp_type", -1, ROUTER), "without an ICMP type"),
    "a quoted TTL is over 255": (with_value("hop_quoted_ttl", 256, ROUTER), "hop_quoted_ttl is not"),
    "a reply TTL is under -1": (with_value("hop_reply_ttl", -2, ROUTER), "hop_reply_ttl is not"),
    "an ICMP code is over 255": (with_value("hop_icmp_code", 256, ROUTER), "hop_icmp_code is not"),
    "a hop's offset is absurd": (with_value("hop_at_us", 2**60, ROUTER), "hop_at_us is negative or absurd"),
    "a label is of no hop": (labels([3 * HOPS]), "label 0: its hop is no hop"),
    "a label's hop is negative": (labels([-1]), "label 0: its hop is no hop"),
    "labels go back": (labels([2, 0]), "label 1: it does not follow"),
    "a silent hop quotes a label": (labels([SILENT]), "label 0: its hop is silent"),
    "a stack has no end": (labels([0] * (LABELS_A_HOP + 1)), f"label {LABELS_A_HOP}: it is beyond"),
    "the rows are pings": (make(kind="trace"), "not those of a trace"),
    "the batch says that they are pings": (traced(kind="ping"), "not those of a ping"),
}


@pytest.mark.parametrize("batch, reason", REFUSED.values(), ids=REFUSED)
def test_traceroutes_are_refused_when(batch: Batch, reason: str) -> None:
    with pytest.raises(Unprocessable, match=reason):
        check(batch)


ACCEPTED = {
    "they are ordinary": traced(),
    "they are IPv6": traced(family=6),
    "all their targets were skipped": traced(targets=0, stop=4096),
    "no hop at all answered": with_rows(
        **{name: getattr(paths(0), name) for name in paths(0).types() if name.startswith(("hop_", "mpls_"))}
    ),
    "stacks are as deep as may be": labels([0] * LABELS_A_HOP + [2] * LABELS_A_HOP),
}


@pytest.mark.parametrize("batch", ACCEPTED.values(), ids=ACCEPTED)
def test_traceroutes_are_accepted_and_come_back_in_every_encoding_when(batch: Batch) -> None:
    assert unpack(pack(batch), MEDIA_TYPE_ZSTD) == batch
    assert unpack(json.dumps(to_document(batch)).encode(), MEDIA_TYPE_JSON) == batch


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Good batches of random paths."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    targets = draw(st.integers(0, 12))
    lengths = rng.integers(0, 65, targets)
    hops, rows = int(lengths.sum()), paths(targets)
    silent = rng.random(hops) < draw(st.floats(0, 1))
    address = np.tile(np.frombuffer(MAPPED_PREFIX + bytes(4), np.uint8), (hops, 1))
    address[:, 12:] = rng.integers(0, 256, (hops, 4), np.uint8)
    address[silent] = 0

    def byte() -> Any:
        return np.where(silent, -1, rng.integers(0, 256, hops)).astype(np.int16)

    deep = np.where(silent, 0, rng.integers(0, 4, hops))
    return traced(
        targets=targets,
        stop=64,
        columns=dataclasses.replace(
            rows,
            outcome=rng.integers(0, 5, targets, np.uint8),
            sent=rng.integers(1, 2**16, targets, np.uint16),
            distance=rng.integers(0, 65, targets, np.uint8),
            hop_target=np.repeat(np.arange(targets), lengths).astype(np.int32),
            hop_ttl=np.concatenate([np.arange(1, each + 1) for each in [*lengths, 0]]).astype(np.uint8),
            hop_address=address,
            hop_rtt_us=np.where(silent, -1, rng.integers(0, MAX_RTT_US + 1, hops)).astype(np.int32),
            hop_reply_ttl=byte(),
            hop_quoted_ttl=byte(),
            hop_icmp_type=byte(),
            hop_icmp_code=byte(),
            hop_at_us=rng.integers(0, 2**50, hops),
            mpls_hop=np.repeat(np.arange(hops), deep).astype(np.int32),
            mpls_entry=rng.integers(0, 2**32, int(deep.sum()), np.uint32),
        ),
    )


@given(batches())
def test_every_encoding_brings_back_the_traceroutes(batch: Batch) -> None:
    from_json = unpack(json.dumps(to_document(batch)).encode(), MEDIA_TYPE_JSON)
    assert unpack(pack(batch), MEDIA_TYPE_ZSTD) == batch == from_json
    assert digest(batch) == digest(from_json)


@given(st.data())
def test_whatever_stands_in_a_column_is_read_or_refused_with_a_reason(data: st.DataObject) -> None:
    name, kind = data.draw(st.sampled_from(sorted(Traces.types().items())))
    document = msgpack.unpackb(zstandard.decompress(pack(traced())))
    size = len(document["columns"][name])
    document["columns"][name] = data.draw(st.binary(max_size=256) | st.binary(min_size=size, max_size=size))
    try:
        found = unpack(msgpack.packb(document), MEDIA_TYPE)
    except BadRequest as error:
        assert str(error)
    else:
        assert len(getattr(found.columns, name)) * np.dtype(kind).itemsize == len(document["columns"][name])


def test_a_batch_at_every_limit_fits_what_may_be_unpacked_and_one_beyond_does_not() -> None:
    sizes = [sum(np.dtype(kind).itemsize for kind in table.columns.values()) * table.most for table in Traces.tables]
    assert sum(sizes) < MAX_UNPACKED_BYTES < 1.1 * sum(sizes)
    with pytest.raises(TooLarge):
        unpack(bytes(MAX_UNPACKED_BYTES + 1), MEDIA_TYPE)


@pytest.mark.parametrize("kind", ["", "survey", "x" * 100_000])
def test_rows_of_an_unknown_kind_are_refused_with_the_known_ones(kind: str) -> None:
    with pytest.raises(Unprocessable, match="kind is ping or trace, not"):
        unpack(json.dumps(to_document(traced()) | {"kind": kind}).encode(), MEDIA_TYPE_JSON)


def test_pings_and_traceroutes_do_not_pass_for_each_other() -> None:
    with pytest.raises(BadRequest, match="columns lacks received"):
        unpack(json.dumps(to_document(traced()) | {"kind": "ping"}).encode(), MEDIA_TYPE_JSON)
    assert Columns.types()["address"] == Traces.types()["address"] == ADDRESS
    assert paths(3) != make().columns and paths(3) == paths(3)


def test_outcomes_and_columns_are_those_of_the_prober() -> None:
    probed = {each.name for each in dataclasses.fields(prober_traces.TraceColumns)}
    assert {each.name for each in dataclasses.fields(Traces)} - probed == {"position", "address"}
    assert probed - {each.name for each in dataclasses.fields(Traces)} == {"started_monotonic_us", "started_at_us"}
    assert (prober_traces.OUTCOMES, prober_traces.MAX_TTL) == (traces.OUTCOMES, traces.MAX_TTL)
    assert [each.name for each in dataclasses.fields(Traces)] == list(Traces.types())
