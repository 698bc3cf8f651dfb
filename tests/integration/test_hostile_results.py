"""Hostile input over HTTP against a real output: refused with the right code, a reason and a counter, and no row."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import apsw
import msgpack  # type: ignore[import-untyped]
import numpy as np
import pytest
import zstandard

from hoploom.wire.addresses import MAPPED_PREFIX
from hoploom.wire.batch import Batch
from hoploom.wire.batch_codec import MEDIA_TYPE, MEDIA_TYPE_JSON, MEDIA_TYPE_ZSTD, pack, to_document
from lab.nursery import Nursery
from lab.output_life import Answer, OutputLife
from unit.wire.batches import make
from unit.wire.traces import traced

ROWS = 6
TOKEN = {"Authorization": "Bearer secret"}
ZSTD, PLAIN, JSON = ({**TOKEN, "Content-Type": each} for each in (MEDIA_TYPE_ZSTD, MEDIA_TYPE, MEDIA_TYPE_JSON))
GZIP = {"Content-Encoding": "gzip"}
PIECE = bytes(2**20)
BOMB_BYTES, BOUND_BYTES = 512 * 2**20, 96 * 2**20
"""A bomb, and what an output may take for it: the largest batch is 25 MB unpacked."""


@pytest.fixture(scope="module", name="output")
def _output(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OutputLife]:
    folder = tmp_path_factory.mktemp("hostile")
    with Nursery(folder / "log") as nursery:
        made = OutputLife(nursery, folder)
        made.start()
        yield made
        stored = batches(made)
        made.end()
    # After everything that was refused, whatever came first or last.
    assert stored == GOOD


def batches(output: OutputLife) -> set[str]:
    """Ids of all batches of an output, each of which has its rows."""
    path = output.folder / "dump.db"
    path.write_bytes(output.ask("/dump").body)
    with contextlib.closing(apsw.Connection(str(path))) as dump:
        assert dump.execute("SELECT count(*) FROM ping_results").get == dump.execute(
            "SELECT coalesce(sum(result_rows), 0) FROM batches WHERE kind = 'ping'"
        ).get
        return {str(row[0]) for row in dump.execute("SELECT batch FROM batches")}


GOOD: set[str] = set()
"""Ids of the batches that were good; the tests that send one enter it."""


def document(**changes: Any) -> bytes:
    return json.dumps(to_document(make()) | changes).encode()


def column(name: str, values: list[Any]) -> bytes:
    found = to_document(make())
    return json.dumps(found | {"columns": found["columns"] | {name: values}}).encode()


def packed(**changes: Any) -> bytes:
    found = msgpack.unpackb(zstandard.decompress(pack(make())))
    body: bytes = msgpack.packb(found | changes)
    return body


def raw(name: str, value: bytes, kind: Any = make) -> bytes:
    """A batch in MessagePack with other bytes in a column."""
    found = msgpack.unpackb(zstandard.decompress(pack(kind())))
    body: bytes = msgpack.packb(found | {"columns": found["columns"] | {name: value}})
    return body


def nowhere() -> Batch:
    """A batch of IPv6 without addresses."""
    good = make(family=6)
    return dataclasses.replace(
        good, columns=dataclasses.replace(good.columns, address=np.zeros((ROWS, 16), np.uint8))
    )


def four(value: int) -> bytes:
    return struct.pack("<i", value) * ROWS


IPV6 = (b"\xfd" + bytes(15)) * ROWS
TWICE = (MAPPED_PREFIX + bytes((10, 0, 0, 1))) * ROWS
REFUSED: Mapping[str, tuple[bytes, Mapping[str, str], int, str]] = {
    "an RTT in JSON is NaN": (column("rtt_min_us", [float("nan")] * ROWS), JSON, 400, "NaN"),
    "an RTT in JSON is infinite": (column("rtt_max_us", [float("inf")] * ROWS), JSON, 400, "Infinity"),
    "an RTT in JSON is 1e308": (column("rtt_max_us", [1e308] * ROWS), JSON, 400, "no list of integers"),
    "an RTT in JSON has 400 bits": (column("rtt_max_us", [2**400] * ROWS), JSON, 400, "rtt_max_us"),
    "an RTT in JSON is negative": (column("rtt_min_us", [-2] * ROWS), JSON, 422, "RTTs"),
    "an RTT in JSON is a text": (column("rtt_min_us", ["1; DROP TABLE batches"] * ROWS), JSON, 400, "no list"),
    "an RTT is the bits of a NaN": (raw("rtt_max_us", struct.pack("<f", float("nan")) * ROWS), PLAIN, 422, "RTTs"),
    "an RTT is 1e308": (raw("rtt_max_us", struct.pack("<d", 1e308) * ROWS), PLAIN, 422, "differ in length"),
    "an RTT is negative": (raw("rtt_min_us", four(-2)), PLAIN, 422, "RTTs"),
    "an RTT is over ten minutes": (raw("rtt_max_us", four(2**31 - 1)), PLAIN, 422, "RTTs"),
    "a hop's RTT is negative": (raw("hop_rtt_us", struct.pack("<i", -9) * 12, traced), PLAIN, 422, "RTT"),
    "a column is a float": (packed(columns={"sent": 1.5}), PLAIN, 400, "lacks"),
    "an address is of the other family": (raw("address", IPV6), PLAIN, 422, "batch's family"),
    "an address in JSON is of the other family": (column("address", ["fd00::1"] * ROWS), JSON, 422, "batch's family"),
    "a hop is of the other family": (raw("hop_address", (b"\xfd" + bytes(15)) * 12, traced), PLAIN, 422, "family"),
    "an address is SQL": (column("address", ["1.2.3.4'; DROP TABLE batches; --"] * ROWS), JSON, 400, "address"),
    "a position is outside the lease": (packed(stop=3), PLAIN, 422, "row 3"),
    "a position is there twice": (column("position", [0] * ROWS), JSON, 422, "twice"),
    "an address is there twice": (raw("address", TWICE), PLAIN, 422, "twice"),
    "a target is no address at all": (pack(nowhere()), ZSTD, 422, "no address"),
    "the campaign is SQL": (document(campaign="x' OR 1=1--"), JSON, 422, "campaign"),
    "the worker is SQL": (document(worker="pi'); DROP TABLE batches; --"), JSON, 422, "worker"),
    "the lease is a path": (document(lease="../../etc/passwd"), JSON, 422, "lease"),
    "the batch is a path": (document(batch="../../../etc/passwd"), JSON, 422, "batch"),
    "the round is 1e308": (document(round=1e308), JSON, 400, "no integer"),
    "the time is beyond 64 bits": (document(started_at_us=2**70), JSON, 422, "started_at_us"),
    "the body is empty": (b"", PLAIN, 400, "no MessagePack"),
    "the body is 100,000 lists deep": (b"\x91" * 100_000, PLAIN, 400, "no MessagePack"),
    "a text in it says that it has 4 GB": (b"\x81\xa1v\xdb\xff\xff\xff\xff", PLAIN, 400, "no MessagePack"),
    "there is no token": (pack(make()), {"Content-Type": MEDIA_TYPE_ZSTD}, 401, "Bearer"),
}  # fmt: skip


@pytest.mark.parametrize("body, headers, status, reason", REFUSED.values(), ids=REFUSED)
def test_a_batch_is_refused_with_a_reason_a_counter_and_no_row_when(
    output: OutputLife, body: bytes, headers: Mapping[str, str], status: int, reason: str
) -> None:
    before, stored = refusals(output, status), output.count("hoploom_output_batches_total")
    answer = output.ask("/results", body, headers)
    assert (answer.status, reason in detail(answer)) == (status, True), answer
    assert refusals(output, status) == before + 1
    assert output.count("hoploom_output_batches_total") == stored


def refusals(output: OutputLife, status: int) -> float:
    """How many batches were answered so."""
    return output.count("hoploom_http_requests_total", 'route="/results"', 'method="POST"', f'status="{status}"')


def detail(answer: Answer) -> str:
    """Why it was refused, as a problem document says."""
    assert answer.headers["content-type"].startswith("application/problem+json")
    return str(json.loads(answer.body)["detail"])


@pytest.mark.parametrize("kind", [make, traced])
def test_a_message_that_is_cut_anywhere_is_refused(output: OutputLife, kind: Any) -> None:
    whole = zstandard.decompress(pack(kind()))
    step = 1 if len(whole) < 1000 else 7
    answers = {output.ask("/results", whole[:length], PLAIN).status for length in range(0, len(whole), step)}
    assert answers == {400}


def test_a_compressed_message_that_is_cut_anywhere_is_refused(output: OutputLife) -> None:
    whole = pack(make())
    assert {output.ask("/results", whole[:length], ZSTD).status for length in range(len(whole))} == {400}


def zstd_bomb(*, says_its_size: bool) -> bytes:
    """16 KB for 512 MB."""
    compressor = zstandard.ZstdCompressor(write_content_size=says_its_size)
    found = compressor.compressobj(size=BOMB_BYTES if says_its_size else -1)
    return b"".join(found.compress(PIECE) for _ in range(BOMB_BYTES // len(PIECE))) + found.flush()


@cache
def gzip_bomb() -> bytes:
    """One member for 512 MB; its checksum is wrong, which nobody gets to see."""
    found = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = found.compress(PIECE) + found.flush(zlib.Z_FULL_FLUSH)
    again = found.compress(PIECE) + found.flush(zlib.Z_FULL_FLUSH)
    return head + again * (BOMB_BYTES // len(PIECE) - 1) + found.flush()


BOMBS: Mapping[str, tuple[Callable[[], bytes], Mapping[str, str], int]] = {
    "zstd that says its size": (lambda: zstd_bomb(says_its_size=True), ZSTD, 413),
    "zstd that hides its size": (lambda: zstd_bomb(says_its_size=False), ZSTD, 413),
    "zstd within gzip": (lambda: gzip.compress(zstd_bomb(says_its_size=False)), GZIP | ZSTD, 415),
    "gzip": (gzip_bomb, GZIP | PLAIN, 415),
    "gzip of JSON": (gzip_bomb, GZIP | JSON, 415),
    "deflate": (lambda: zlib.compress(bytes(2**25)), {**PLAIN, "Content-Encoding": "deflate"}, 415),
    "gzip within zstd": (lambda: zstandard.compress(gzip_bomb()), ZSTD, 400),
    "lists in zstd": (lambda: zstandard.compress(b"\xdd\x01\x00\x00\x00" + b"\x90" * 2**24), ZSTD, 400),
    "lists in JSON": (lambda: b"[" + b"[]," * 600_000 + b"[]]", JSON, 400),
}


@pytest.mark.parametrize("body, headers, status", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_within_bounded_memory(
    output: OutputLife, body: Callable[[], bytes], headers: Mapping[str, str], status: int
) -> None:
    sent = body()
    output.forget_memory()
    before = output.most_memory()
    answer = output.ask("/results", sent, headers)
    assert answer.status == status and detail(answer)
    assert output.most_memory() - before < BOUND_BYTES


def test_unknown_columns_and_keys_of_a_later_version_are_ignored(output: OutputLife) -> None:
    found = to_document(make(7)) | {"new": {"deep": [1]}, "v": 2}
    body = json.dumps(found | {"columns": found["columns"] | {"jitter_us": [1] * ROWS, "x'; --": "y"}}).encode()
    GOOD.add(make(7).batch)
    assert output.ask("/results", body, JSON).status == 200
    # It is the same batch with and without them.
    assert output.duplicate(pack(make(7, v=2)))


def test_the_same_id_with_other_content_is_refused_for_ever(output: OutputLife) -> None:
    GOOD.add(make(8).batch)
    assert output.ask("/results", pack(make(8))).status == 200
    for other in (make(8, lease="another"), make(8, suspect=True), make(8, rows=5), traced(8)):
        answer = output.ask("/results", pack(other))
        assert answer.status == 409 and "other content" in detail(answer)
    assert output.duplicate(pack(make(8)))


SQL = ("x' OR '1'='1", "1; DROP TABLE batches", "1 UNION SELECT value FROM meta", "%00", "\udcff", "-1", "9" * 400, "٣")
FILTERS = {
    "/api/v1/results?": ("kind", "campaign", "before", "limit"),
    "/api/v1/output/hops?slot=0&": ("since_s", "slot"),
    "/results?": ("campaign", "kind", "prefix", "since", "until", "worker", "outcome", "form", "limit", "cursor",
                  "x) OR (1=1", "cursor=now&cursor"),
    "/results/feed?wait=0&": ("campaign", "kind", "prefix", "since", "until", "worker", "outcome", "limit", "cursor",
                              "wait"),
    "/dump?": ("since", "upto", "compress"),
}  # fmt: skip
PATHS = (
    "/api/v1/output/campaigns/{}/batches",
    "/api/v1/output/campaigns/{}/coverage",
    "/dumps/{}",
    "/dumps/results-{}.db",
)
COVERAGE = {"revision": "ab" * 32, "round": "0", "group": "pi-7", "family": "4"}


def hostile_reads() -> Iterator[str]:
    for words in SQL:
        value = quote(words.encode("utf-8", "surrogateescape"), safe="%")
        yield from (f"{path}{quote(name, safe='&=')}={value}" for path, names in FILTERS.items() for name in names)
        yield from (path.format(value) for path in PATHS)
        for name in COVERAGE:
            query = "&".join(f"{each}={value if each == name else good}" for each, good in COVERAGE.items())
            yield f"/api/v1/output/campaigns/2000000001/coverage?{query}"


@pytest.mark.parametrize("path", tuple(hostile_reads()))
def test_sql_in_a_filter_or_a_path_is_refused_with_a_reason(output: OutputLife, path: str) -> None:
    answer = output.ask(path)
    assert answer.status in (400, 404) and detail(answer), path


CONFIRMED = {"v": 1, "data_set": "main", "data_set_uuid": "11111111-2222-4333-8444-555555555555", "upto": 0}
CONFIRMATIONS: Mapping[str, tuple[dict[str, Any], Mapping[str, str], int]] = {
    "there is no token": ({}, {"Content-Type": MEDIA_TYPE_JSON}, 401),
    "it is of another store": ({"store": "11111111-2222-4333-8444-555555555555"}, JSON, 409),
    "the store has not come so far": ({"upto": 2**40}, JSON, 422),
    "the number is negative": ({"upto": -1}, JSON, 400),
    "the number is 1e308": ({"upto": 1e308}, JSON, 400),
    "the name is SQL": ({"data_set": "main'; DROP TABLE meta; --"}, JSON, 400),
    "the name is a path": ({"data_set": "../../etc/passwd"}, JSON, 400),
    "the uuid is none": ({"data_set_uuid": "me"}, JSON, 400),
}


@pytest.mark.parametrize("changes, headers, status", CONFIRMATIONS.values(), ids=CONFIRMATIONS)
def test_a_confirmation_is_refused_when(
    output: OutputLife, changes: dict[str, Any], headers: Mapping[str, str], status: int
) -> None:
    store = json.loads(output.ask("/dumps").body)["store"]
    answer = output.ask(
        "/api/v1/output/confirmed", json.dumps(CONFIRMED | {"store": store} | changes).encode(), headers
    )
    assert answer.status == status and detail(answer)


def test_a_batch_that_is_being_stored_conflicts_with_itself(output: OutputLife) -> None:
    GOOD.add(make(9).batch)
    [live] = output.store.glob("live-*.db")
    with contextlib.closing(apsw.Connection(str(live))) as stranger, ThreadPoolExecutor(2) as senders:
        stranger.execute("BEGIN IMMEDIATE")
        sent = [senders.submit(output.ask, "/results", pack(make(9))) for _ in range(2)]
        first, _ = wait(sent, return_when=FIRST_COMPLETED)
        assert [each.result().status for each in first] == [409]
        stranger.execute("ROLLBACK")
        assert sorted(each.result().status for each in sent) == [200, 409]


def test_a_folder_of_the_machine_is_not_reached(output: OutputLife, tmp_path: Path) -> None:
    names = ("../owner.lock", "..%2fowner.lock", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%2fetc%2fpasswd", "owner.lock",
             "live-000001.db", "results-000001.db%00", "results-000001.db%2f..%2flive-000001.db", ".")  # fmt: skip
    paths = ("/dump/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "//etc/passwd")
    for path in (*paths, *(f"/dumps/{each}" for each in names)):
        assert output.ask(path).status in (400, 404), path
