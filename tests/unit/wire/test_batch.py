"""Batches: what is refused and why, and that every encoding brings back what was put in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.kit.errors import Unprocessable
from hoploom.wire import addresses
from hoploom.wire.batch import Batch, check
from hoploom.wire.columns import MAX_INT, MAX_RTT_US, repeated_addresses
from unit.wire.batches import columns, make


def with_row(name: str, value: Any, row: int = 1) -> Batch:
    """The good batch with one value of one column changed."""
    good = make()
    changed = getattr(good.columns, name).copy()
    changed[row] = value
    return dataclasses.replace(good, columns=dataclasses.replace(good.columns, **{name: changed}))


def with_columns(**changes: Callable[[Any], Any]) -> Batch:
    """The good batch with whole columns changed."""
    good = make()
    new = {name: change(getattr(good.columns, name)) for name, change in changes.items()}
    return dataclasses.replace(good, columns=dataclasses.replace(good.columns, **new))


REFUSED = {
    "a column is shorter than the others": (with_columns(sent=lambda c: c[:-1]), "differ in length"),
    "there are too many rows": (make(rows=65_537), "at most 65536 rows"),
    "a position lies before the lease": (make(start=1), "row 0: its position is outside"),
    "a position lies after the lease": (make(stop=5), "row 5: its position is outside"),
    "a position appears twice": (with_row("position", 0), "appears twice"),
    "an address appears twice": (with_row("address", make().columns.address[4], 5), "row 5: its address appears twice"),
    "an IPv6 address appears twice": (
        make(family=6, columns=dataclasses.replace(columns(6), address=columns(6, family=6).address[[0] * 6])),
        "row 1: its address appears twice",
    ),
    "an IPv6 target has no address": (
        make(rows=1, family=6, columns=dataclasses.replace(columns(1, family=6), address=np.zeros((1, 16), np.uint8))),
        "row 0: it has no address",
    ),
    "an IPv6 address stands in an IPv4 batch": (with_row("address", 1), "not of the batch's family"),
    "IPv4 addresses stand in an IPv6 batch": (make(family=6, columns=columns(6)), "not of the batch's family"),
    "an outcome is unknown": (with_row("outcome", 4), "outcome is unknown"),
    "an RTT is negative": (with_row("rtt_min_us", -2), "RTTs are neither"),
    "an RTT is absurd": (with_row("rtt_max_us", MAX_RTT_US + 1), "RTTs are neither"),
    "the mean is under the minimum": (with_row("rtt_min_us", 5_000), "RTTs are neither"),
    "an answered row has no reply": (with_row("received", 0), "no reply or no RTT"),
    "more came than went": (with_row("received", 2), "received more than it sent"),
    "a reply TTL is over 255": (with_row("reply_ttl", 256), "reply_ttl"),
    "an ICMP type is under -1": (with_row("icmp_type", -2), "icmp_type"),
    "an ICMP code is over 255": (with_row("icmp_code", 300), "icmp_code"),
    "an offset is negative": (with_row("at_us", -1), "at_us"),
    "the id is no UUID": (make(batch="../../etc/passwd"), "batch does not match"),
    "the campaign has capitals": (make(campaign="First"), "campaign does not match"),
    "the worker's name holds a newline": (make(worker="pi\n"), "worker does not match"),
    "the kind is unknown": (make(kind="survey"), "kind does not match"),
    "the rows are of another kind": (make(kind="trace"), "not those of a trace"),
    "the version is two ahead": (make(v=3), "v is not in 1 or 2"),
    "the family is neither 4 nor 6": (make(family=5), "family is not in 4 or 6"),
    "an id is below the first permanent number": (make(worker_number=7), "worker_number"),
    "the lease is empty": (make(stop=0), "stop"),
    "an integer is huge": (make(started_at_us=MAX_INT), "started_at_us"),
}


@pytest.mark.parametrize("batch, reason", REFUSED.values(), ids=REFUSED)
def test_a_batch_is_refused_when(batch: Batch, reason: str) -> None:
    with pytest.raises(Unprocessable, match=reason):
        check(batch)


ACCEPTED = {
    "it is ordinary": make(),
    "it is of the next version": make(v=2),
    "it is IPv6": make(family=6),
    "its worker believes it is 1969": make(started_at_us=-1),
    "its worker believes it is 2100": make(started_at_us=4_102_444_800_000_000),
    "it covers a part of its lease": make(stop=4096),
    "all its targets were skipped": make(rows=0, stop=4096),
    "its worker's uplink was dead": make(suspect=True),
}


@pytest.mark.parametrize("batch", ACCEPTED.values(), ids=ACCEPTED)
def test_a_batch_is_accepted_when(batch: Batch) -> None:
    check(batch)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).filter(lambda a: int(a) != 0))
def test_an_address_reads_back_as_it_was(address: Any) -> None:
    packed = addresses.parse(str(address))
    expected = getattr(address, "ipv4_mapped", None) or address
    assert addresses.parse(addresses.text(packed)) == packed
    assert addresses.text(packed) == str(expected)


def test_no_address_is_the_empty_text() -> None:
    assert addresses.texts(addresses.column(["", "10.0.0.1", "fd00::1"])) == ["", "10.0.0.1", "fd00::1"]
    assert addresses.texts(addresses.column(["", ""])) == ["", ""]


def test_addresses_that_only_mix_to_the_same_number_are_different_ones() -> None:
    """Half of one is a step further and the other half as much less as the step counts."""
    low, odd = 2**63 + 5, 0x9E3779B97F4A7C15
    words = np.array([[7, low], [8, (low - odd) % 2**64]], np.uint64)
    assert not repeated_addresses(words.view(np.uint8)).any()
    assert repeated_addresses(words[[0, 1, 1]].view(np.uint8)).tolist() == [False, False, True]
