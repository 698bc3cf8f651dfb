"""Rows that are not what their file says, or what no worker sends: the file is refused, and nothing of it is taken."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoploom.results import source
from hoploom.results.merge import merge
from hoploom.results.merged_file import open_for_writing
from hoploom.results.source import Refused
from lab.result_files import STORE, write
from unit.results.hostile import PAGE, bytes_at, changed, cut, good, headless, refused
from unit.wire.batches import make

KEY = "(SELECT batch_key FROM batches WHERE kind = 'ping' LIMIT 1)"
LAST = "(SELECT max(rowid) FROM ping_results)"
CELLS: dict[str, tuple[str, str]] = {
    "text for a number": ("UPDATE ping_results SET sent = 'one' WHERE rowid = 3", "row 3 of ping_results .* in sent"),
    "half a reply": ("UPDATE ping_results SET received = 0.5 WHERE rowid = 1", "in received"),
    "text that looks like a number": (
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'sent INTEGER', 'sent TEXT');"
        "PRAGMA writable_schema = RESET; UPDATE ping_results SET sent = '1' WHERE rowid = 1;"
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'sent TEXT', 'sent INTEGER')",
        "row 1 of ping_results .* in sent"),
    "a whole number as a fraction": (
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'rtt_us INTEGER', 'rtt_us BLOB');"
        "PRAGMA writable_schema = RESET; UPDATE ping_results SET rtt_us = 5.0 WHERE rowid = 1;"
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'rtt_us BLOB', 'rtt_us INTEGER')",
        "row 1 of ping_results .* in rtt_us"),
    "bytes for a number": ("UPDATE ping_results SET at_ms = x'00' WHERE rowid = 1", "in at_ms"),
    "an unknown outcome": ("UPDATE ping_results SET outcome = 4 WHERE rowid = 1", "in outcome"),
    "a negative RTT": ("UPDATE ping_results SET rtt_us = -1 WHERE rowid = 1", "in rtt_us"),
    "an RTT of ages": ("UPDATE ping_results SET rtt_us = 1e308 WHERE rowid = 1", "in rtt_us"),
    "an RTT beyond all bounds": ("UPDATE ping_results SET rtt_us = 9e999 WHERE rowid = 1", "in rtt_us"),
    "an RTT that is no number": ("UPDATE ping_results SET rtt_us = 9e999 - 9e999 WHERE rowid = 1", "in rtt_us"),
    "a least RTT over the mean": ("UPDATE ping_results SET rtt_min_us = rtt_us + 1 WHERE rowid = 1", "in rtt_min_us"),
    "a largest RTT under the mean": ("UPDATE ping_results SET rtt_max_us = 1 WHERE rowid = 1", "in rtt_max_us"),
    "more replies than requests": ("UPDATE ping_results SET received = 2 WHERE rowid = 1", "in received"),
    "an answer without a reply": ("UPDATE ping_results SET received = 0 WHERE rowid = 1", "in received"),
    "a TTL over a byte": ("UPDATE ping_results SET reply_ttl = 256 WHERE rowid = 1", "in reply_ttl"),
    "a time before the batch": ("UPDATE ping_results SET at_ms = -1 WHERE rowid = 1", "in at_ms"),
    "an address of bytes": ("UPDATE ping_results SET address = x'0a000000' WHERE rowid = 1", "address"),
    "an impossible address": ("UPDATE ping_results SET address = '10.0.0.256' WHERE rowid = 1", "address in rows"),
    "an address written otherwise": ("UPDATE ping_results SET address = '10.0.0.01' WHERE rowid = 1", "address"),
    "an address of the other family": ("UPDATE ping_results SET address = 'fd00::1' WHERE rowid = 1", "family"),
    "two addresses in one, and none in another": (
        "UPDATE ping_results SET address = '1.2.3.4' || char(10) || '5.6.7.8' WHERE rowid = 1;"
        "UPDATE ping_results SET address = '' WHERE rowid = 2", "address"),
    "an address that is no text at all": (
        "UPDATE ping_results SET address = CAST(x'fffe' AS TEXT) WHERE rowid = 1", "damaged"),
    "a name as who sent an error": ("UPDATE ping_results SET icmp_from = 'router' WHERE rowid = 1", "icmp_from"),
    "a row too many": (f"INSERT INTO ping_results SELECT * FROM ping_results WHERE rowid = {LAST}", "more than"),
    "a row too few": (f"DELETE FROM ping_results WHERE rowid = {LAST}", "fewer than"),
    "all rows gone": ("DELETE FROM ping_results", "none there"),
    "rows that lie apart": (
        "UPDATE ping_results SET rowid = 1000 WHERE rowid = 2; UPDATE ping_results SET rowid = 2 WHERE rowid = 7",
        "together"),
    "a row at the last rowid": ("UPDATE ping_results SET rowid = 9223372036854775807 WHERE rowid = 3", "together"),
    "rows of no batch": ("UPDATE ping_results SET batch_key = 5 WHERE rowid = 1", "names batch 5"),
    "rows of a batch of the other kind": (
        "UPDATE ping_results SET batch_key = (SELECT batch_key FROM batches WHERE kind = 'trace')", "of that key"),
    "text as the batch": ("UPDATE ping_results SET batch_key = 'x' WHERE rowid = 1", "no number"),
    "a TTL of 65": ("UPDATE traceroute_hops SET ttl = 65 WHERE rowid = 1", "in ttl"),
    "an RTT of a silent hop": ("UPDATE traceroute_hops SET rtt_us = 5 WHERE rowid = 2", "in rtt_us"),
    "a hop that is no address": ("UPDATE traceroute_hops SET hop = 'x' WHERE rowid = 1", "hop in rows"),
    "labels that are none": ("UPDATE traceroute_hops SET mpls = '1;2' WHERE rowid = 3", "mpls"),
    "too many labels": ("UPDATE traceroute_hops SET mpls = replace(printf('%.17c', ' '), ' ', '1:0:1:1 ')", "mpls"),
    "a huge text": ("UPDATE traceroute_hops SET mpls = printf('%.40000000c', '1') WHERE rowid = 3", "damaged"),
    "hops too few": ("DELETE FROM traceroute_hops WHERE rowid = 160", "fewer than"),
    "a path that is reached by nothing": ("UPDATE traceroutes SET sent = 0 WHERE rowid = 1", "in sent"),
    "more hops than TTLs": ("UPDATE traceroutes SET hops = 65 WHERE rowid = 1", "in hops"),
    "a distance of nothing": ("UPDATE traceroutes SET distance = 0 WHERE rowid = 1", "in distance"),
    "an id that is none": ("UPDATE batches SET batch = 'x' WHERE kind = 'trace'", "its batch does not match"),
    "an id in capitals": ("UPDATE batches SET batch = upper(batch) || 'A' WHERE kind = 'trace'", "its batch"),
    "another batch's key": ("UPDATE batches SET batch_key = batch_key + 1 WHERE kind = 'trace'", "beginning of its id"),
    "a short digest": ("UPDATE batches SET digest = x'00' WHERE kind = 'trace'", "digest"),
    "text as the digest": ("UPDATE batches SET digest = printf('%.32c', 'x')", "digest"),
    "a store that is none": ("UPDATE batches SET store = '../x'", "store"),
    "a campaign with a path": ("UPDATE batches SET campaign = '../../x'", "campaign"),
    "a kind that is none": ("UPDATE batches SET kind = 'dns'", "kind"),
    "counts that do not add up": ("UPDATE batches SET lost = lost + 1 WHERE kind = 'ping'", "add up"),
    "rows beyond every batch": ("UPDATE batches SET result_rows = 65537", "result_rows"),
    "a negative number of rows": ("UPDATE batches SET result_rows = -1", "result_rows"),
    "hops of pings": ("UPDATE batches SET hop_rows = 1 WHERE kind = 'ping'", "no traceroutes"),
    "positions backwards": ("UPDATE batches SET stop = start", "stop"),
    "a time as text": ("UPDATE batches SET started_at_us = 'noon'", "started_at_us"),
    "a suspicion of 2": ("UPDATE batches SET suspect = 2", "suspect"),
}


@pytest.mark.parametrize(("statements", "reason"), CELLS.values(), ids=CELLS)
def test_a_file_with_one_bad_cell_is_refused(statements: str, reason: str, tmp_path: Path) -> None:
    changed(statements)(tmp_path / "a.db")
    said = refused(tmp_path / "a.db", tmp_path / "m.db")
    assert re.search(reason, said), said


BYTES = {
    "pages gone at the end": cut,
    "nothing after the header": headless,
    "a page of zeros": bytes_at(-4096, bytes(4096)),
    "a page of ones": bytes_at(-4096, b"\xff" * 4096),
    "no root": bytes_at(100, b"\0"),
    "a page size of nothing": bytes_at(16, b"\0\0"),
    "a format of the future": bytes_at(18, b"\x09\x09"),
}


@pytest.mark.parametrize("damage", BYTES.values(), ids=BYTES)
def test_a_damaged_file_is_refused(damage: Callable[[Path], None], tmp_path: Path) -> None:
    damage(tmp_path / "a.db")
    refused(tmp_path / "a.db", tmp_path / "m.db")


@settings(max_examples=25, deadline=None)
@given(places=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=40))
def test_whatever_bytes_are_wrong_whole_batches_come_or_a_sentence(
    places: list[tuple[float, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    good(folder / "a.db")
    raw = bytearray((folder / "a.db").read_bytes())
    for place, value in places:
        raw[int(place * len(raw))] = value
    (folder / "a.db").write_bytes(raw)
    with contextlib.closing(open_for_writing(folder / "m.db")) as into:
        into.pragma("synchronous", "OFF")
        try:
            taken = merge(into, folder / "a.db").rows
        except Refused:
            taken = 0
        rows = "SELECT sum(result_rows + hop_rows) FROM batches"
        assert (into.execute(rows).get or 0) == taken == sum(
            into.execute(f"SELECT count(*) FROM {table}").get
            for table in ("ping_results", "traceroutes", "traceroute_hops")
        )
        assert into.pragma("integrity_check") == "ok"


def tree_of_one_leaf(path: Path) -> None:
    """A few pages that a walk takes for 100 million of them: all children of a page are the same next page."""
    write(path, STORE, [make()])
    with contextlib.closing(apsw.Connection(str(path))) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'ping_results'").get
    raw = bytearray(path.read_bytes())
    pages = len(raw) // PAGE
    leaf = raw[(root - 1) * PAGE : root * PAGE]
    raw += leaf + _inner(pages + 1) + _inner(pages + 2)
    raw[(root - 1) * PAGE : root * PAGE] = _inner(pages + 3)
    raw[28:32] = struct.pack(">I", pages + 3)
    path.write_bytes(raw)


def _inner(child: int, cells: int = 480) -> bytes:
    """An inner page of a table: a child and the largest rowid below it (10,000) in each cell."""
    cell = struct.pack(">I", child) + b"\xce\x10"
    pointers = [PAGE - len(cell) * (each + 1) for each in range(cells)]
    head = struct.pack(">BHHHBI", 5, 0, cells, pointers[-1], 0, child) + struct.pack(f">{cells}H", *pointers)
    return head.ljust(PAGE - len(cell) * cells, b"\0") + cell * cells


def test_a_small_file_of_endless_pages_is_given_up_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_FREE_STEPS", 2_000_000)
    tree_of_one_leaf(tmp_path / "a.db")
    assert "far longer" in refused(tmp_path / "a.db", tmp_path / "m.db")
