"""Eight cloud providers' real lists: read, planned and compressed; never probed."""

import zlib
from pathlib import Path

import numpy as np
import pytest

from hoploom.kit.errors import Unprocessable
from hoploom.targets import plan, ranges
from hoploom.targets.address_set import AddressSet
from hoploom.targets.files import Reading, read_folder
from hoploom.targets.notation import Block, parse_block
from hoploom.targets.space import by_family
from hoploom.targets.special_purpose import Space
from hoploom.targets.target_set import canonical_bytes

LISTS = Path(__file__).resolve().parents[2] / "data" / "cloud-provider-ip-addresses"
DOCUMENTATION = [
    parse_block(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]
"""Ranges that one provider lists among its own, and that are nobody's on the Internet."""


@pytest.fixture(scope="module")
def reading() -> Reading:
    return read_folder(LISTS)


@pytest.fixture(scope="module")
def blocks(reading: Reading) -> list[Block]:
    return [block for source in reading.sources for block in source.blocks]


def test_all_eight_are_read_without_a_bad_line(reading: Reading) -> None:
    assert len({Path(source.name).name.partition("_")[0] for source in reading.sources}) == 8
    assert all(source.blocks and not source.bad_count for source in reading.sources)
    assert [Path(name).name for name in reading.not_read] == ["README.md"]


def test_they_hold_222_729_620_ipv4_addresses_before_exclusions(blocks: list[Block]) -> None:
    ipv4 = [block for block in blocks if block.family == 4]
    assert len(ipv4) == 3659 and len(blocks) - len(ipv4) == 2310
    assert sum(block.last - block.first + 1 for block in ipv4) == 222_729_620
    assert ranges.count(by_family(blocks)[4]) == 222_729_620


@pytest.fixture(scope="module")
def planned(blocks: list[Block]) -> plan.Plan:
    return plan.make("demo", blocks, DOCUMENTATION, plan.Wishes(max_targets=10**10))


def test_a_plan_of_all_samples_one_a_slash_24_and_one_a_slash_48(planned: plan.Plan) -> None:
    assert {family: each.n for family, each in planned.sets.items()} == {4: 870_233, 6: 3_725_777_946}
    assert set(planned.spaces) == {Space.PUBLIC} and planned.needs_contact


def test_a_default_plan_of_all_is_over_the_cap_and_says_the_way_out(blocks: list[Block]) -> None:
    with pytest.raises(Unprocessable, match=r"3,726,648,179 targets are more than 10,000,000"):
        plan.make("demo", blocks, DOCUMENTATION, plan.Wishes())


def test_the_documents_compress_to_twenty_kilobytes(planned: plan.Plan) -> None:
    packed = [len(zlib.compress(canonical_bytes(each.to_document()), 9)) for each in planned.sets.values()]
    assert sum(packed) < 22_000


@pytest.mark.parametrize("family", [4, 6])
def test_samples_lie_in_the_lists_one_a_cell(planned: plan.Plan, family: int) -> None:
    targets = AddressSet(planned.sets[family])
    indexes = np.linspace(0, targets.n - 1, 2000).astype(np.int64)
    texts = targets.texts(indexes)
    inside = by_family([parse_block(text) for text in texts])[family]
    merged = ranges.merge(each for part in planned.sets[family].parts for each in part.ranges)
    assert ranges.intersect(inside, merged) == inside
    cell_bits = 8 if family == 4 else 80
    assert len({parse_block(text).first >> cell_bits for text in texts}) == 2000
    assert [targets.index_of(text) for text in texts[::50]] == indexes[::50].tolist()
