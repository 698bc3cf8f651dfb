"""Whatever an output takes, a data set takes too, with every row as it was, and everybody can write it out.

One batch at the edge of what is allowed would otherwise keep a whole dump out of every data set.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from hoploom.results.data_set import FILE, DataSet
from hoploom.results.formats import csv_table
from hoploom.results.reading import groups
from hoploom.wire.addresses import MAPPED_PREFIX
from hoploom.wire.batch import FAILED, LOST, MAX_NUMBER, Batch
from hoploom.wire.batch_codec import pack
from hoploom.wire.columns import MAX_INT, MAX_RTT_US
from hoploom.wire.traces import FAILED as NOT_SENT
from hoploom.wire.traces import MAX_TTL
from lab.nursery import Nursery
from lab.output_life import OutputLife
from lab.result_ledger import rows_in, rows_of
from unit.wire.batches import make
from unit.wire.traces import paths, traced

LAST = MAX_INT - 1
UNSPECIFIED = np.frombuffer(MAPPED_PREFIX + bytes(4), np.uint8).reshape(1, 16)
Change = Callable[[Any], Any]


def full(value: int) -> Change:
    """The same value in every row."""
    return lambda column: np.full_like(column, value)


def where(value: int) -> Change:
    """The same value in every row that has one."""
    return lambda column: np.where(column >= 0, value, -1).astype(column.dtype)


def rows(batch: Batch, **changes: Change) -> Batch:
    """A batch with columns changed."""
    new = {name: change(getattr(batch.columns, name)) for name, change in changes.items()}
    return dataclasses.replace(batch, columns=dataclasses.replace(batch.columns, **new))


def without_hops(batch: Batch) -> Batch:
    """Traceroutes of which nothing has left."""
    empty = {name: getattr(batch.columns, name)[:0] for name in paths(1).types() if name.startswith(("hop_", "mpls_"))}
    bare = dataclasses.replace(batch, columns=dataclasses.replace(batch.columns, **empty))
    return rows(bare, outcome=full(NOT_SENT), sent=full(0), distance=full(0))


EXTREMES = {
    "of the next version": make(1, v=2),
    "of a dead uplink": make(2, suspect=True),
    "of skipped targets alone": make(3, 0, start=0, stop=1),
    "of IPv6": make(4, family=6),
    "of the oldest clock": make(5, started_at_us=-LAST, started_monotonic_us=LAST, sent_monotonic_us=0),
    "of the newest clock": make(6, started_at_us=LAST, started_monotonic_us=0, sent_monotonic_us=LAST),
    "that took 36,000 years": rows(make(7), at_us=full(LAST)),
    "of the last positions": rows(make(8, start=LAST - 6, stop=LAST), position=lambda _: np.arange(LAST - 6, LAST)),
    "with no time and ten minutes": rows(
        make(9), rtt_min_us=where(0), rtt_avg_us=where(0), rtt_max_us=where(MAX_RTT_US)
    ),
    "with all that a byte holds": rows(make(10), icmp_type=full(255), icmp_code=full(0), reply_ttl=full(0)),
    "with all that two bytes hold": rows(make(11), sent=full(65535), duplicates=full(65535)),
    "with replies of lost targets": rows(make(12), outcome=full(LOST)),
    "of which nothing has left": rows(make(13), outcome=full(FAILED)),
    "of 0.0.0.0": rows(make(14, 1), address=lambda _: UNSPECIFIED),
    "with the largest numbers": make(
        15, round=2**31 - 1, campaign_number=MAX_NUMBER - 1, measurement=MAX_NUMBER - 1, worker_number=MAX_NUMBER - 1
    ),
    "with the longest names": make(
        16, worker="A" + ".:-_" * 31, group="g" + ":" * 127, lease="l" + "/." * 63, campaign="a" * 63, boot_id="b" * 128
    ),
    "of traceroutes": traced(17),
    "of traceroutes by IPv6": traced(18, family=6),
    "of traceroutes without hops": without_hops(traced(19)),
    "of traceroutes at the end of time": rows(traced(20, started_at_us=LAST), at_us=full(LAST), hop_at_us=full(LAST)),
    "of the longest paths": rows(
        traced(21), hop_ttl=lambda _: np.tile(np.array([1, 2, 3, MAX_TTL], np.uint8), 3), joined_ttl=full(MAX_TTL)
    ),
    "of the slowest hops": rows(traced(22), hop_rtt_us=where(MAX_RTT_US)),
    "of hops at 0.0.0.0": rows(
        traced(23), hop_address=lambda column: np.where(column.any(axis=1, keepdims=True), UNSPECIFIED, column)
    ),
    "of labels that are all ones": rows(traced(24), mpls_entry=full(2**32 - 1)),
    "of odd ICMP": rows(traced(25), hop_icmp_type=where(255), hop_icmp_code=where(255), hop_quoted_ttl=where(255)),
}


def test_what_an_output_takes_at_the_edge_is_in_the_data_set_as_it_was(tmp_path: Path) -> None:
    dump = tmp_path / "dump.db"
    with Nursery(tmp_path / "log") as nursery:
        output = OutputLife(nursery, tmp_path)
        output.start()
        answers = {name: output.ask("/results", pack(batch)).status for name, batch in EXTREMES.items()}
        assert answers == dict.fromkeys(EXTREMES, 200)
        dump.write_bytes(output.ask("/dump").body)
        pages = [output.ask(f"/results{feed}?limit=1000{wait}") for feed, wait in (("", ""), ("/feed", "&wait=0"))]
    targets = sum(len(each.columns) for each in EXTREMES.values())
    assert [len(json.loads(each.body)["results"]) for each in pages] == [targets] * 2
    with contextlib.closing(DataSet.open(tmp_path / "set", "main")) as data_set:
        assert data_set.take(dump).batches == len(EXTREMES)
        data_set.write_parquet()
    with contextlib.closing(apsw.Connection(str(tmp_path / "set" / FILE))) as merged:
        stored = sorted(row for _, row in rows_in(merged))
        assert stored == sorted(row for batch in EXTREMES.values() for row in rows_of(batch))
        csv_table.write(groups(merged), io.BytesIO())
