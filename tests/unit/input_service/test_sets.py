"""Target sets in pieces in the KV store."""

import hashlib
import json

import pytest

from hoploom.input_service import keys
from hoploom.input_service.sets import PIECE_BYTES, Sets
from hoploom.kit.errors import NotFound, Unavailable, Unprocessable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.targets.sampling import ALL
from hoploom.targets.target_set import Part, TargetSet

SEED = bytes(16)


def scattered(blocks: int) -> TargetSet:
    """Single addresses at irregular distances, which hardly compress."""
    digests = hashlib.shake_128(b"distances").digest(2 * blocks)
    ranges, address = [], 0x0A000000
    for at in range(0, 2 * blocks, 2):
        address += 2 + int.from_bytes(digests[at : at + 2], "big") % 200
        ranges.append((address, address))
    return TargetSet(4, SEED, (Part(ALL, tuple(ranges)),))


async def test_a_set_that_needs_several_pieces_comes_back_by_name(fake_consul: FakeConsul) -> None:
    targets = scattered(60_000)
    name = await Sets(fake_consul).store(targets)
    pieces = await fake_consul.kv_list(keys.target_set(name))
    assert len(pieces) > 1 and all(len(piece.value) <= PIECE_BYTES for piece in pieces)
    found = Sets(fake_consul)
    assert name == targets.digest() == hashlib.sha256(await found.document(name)).hexdigest()
    assert (await found.addresses(name)).n == 60_000


async def test_a_set_that_was_read_once_needs_no_consul(fake_consul: FakeConsul) -> None:
    sets = Sets(fake_consul)
    name = await sets.store(scattered(10))
    await sets.addresses(name)
    fake_consul.away = True
    assert await sets.document(name)


async def test_blocks_come_back_merged_by_family(fake_consul: FakeConsul) -> None:
    name = await Sets(fake_consul).store_blocks(["8.8.9.0/24", "2a00::/32", "8.8.8.0/24", "8.8.8.0/24"])
    assert name == await Sets(fake_consul).store_blocks(["2a00::/32", "8.8.8.0/24", "8.8.9.0/24"])
    first = 0x2A00 << 112
    found = await Sets(fake_consul).blocks(name)
    assert found == {4: [(0x08080800, 0x080809FF)], 6: [(first, first + 2**96 - 1)]}


async def test_networks_that_are_too_large_by_list_are_stored_by_prefix(
    fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hoploom.input_service.sets.MAX_PACKED_BYTES", 1000)
    sets, blocks = Sets(fake_consul), [f"10.{number % 3}.{number * 7 % 256}.{number % 256}" for number in range(600)]
    found = json.loads(await sets.document(await sets.store_networks(blocks, [("mine", 600)])))
    assert list(found["networks"]) == ["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"]
    few = json.loads(await sets.document(await sets.store_networks(blocks[:9], [("mine", 9)])))
    assert list(few["networks"]) == ["mine"]


async def test_too_large_a_set_is_refused_and_leaves_nothing(fake_consul: FakeConsul) -> None:
    with pytest.raises(Unprocessable, match="several campaigns"):
        await Sets(fake_consul).store(scattered(250_000))
    assert await fake_consul.kv_list("hoploom/") == []


@pytest.mark.parametrize("damage", ["a missing piece", "other bytes", "another set"])
async def test_a_set_that_is_not_whole_is_not_there_yet(fake_consul: FakeConsul, damage: str) -> None:
    sets = Sets(fake_consul)
    name, other = await sets.store(scattered(30_000)), await sets.store(scattered(10))
    pieces = await fake_consul.kv_list(keys.target_set(name))
    match damage:
        case "a missing piece":
            await fake_consul.kv_delete(pieces[-1].key)
        case "other bytes":
            await fake_consul.kv_put(pieces[0].key, b"x" * 100)
        case _:
            await fake_consul.kv_delete(keys.target_set(name), recurse=True)
            await fake_consul.kv_put(pieces[0].key, (await fake_consul.kv_list(keys.target_set(other)))[0].value)
    with pytest.raises(Unavailable, match="incomplete"):
        await sets.document(name)


async def test_an_unknown_set_is_not_found(fake_consul: FakeConsul) -> None:
    with pytest.raises(NotFound):
        await Sets(fake_consul).document("0" * 64)
