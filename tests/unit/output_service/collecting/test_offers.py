"""What an output offers, and what is fetched next."""

from typing import Any

import pytest

from hoploom.kit.errors import Unprocessable
from hoploom.output_service.collecting import offers
from hoploom.output_service.collecting.offers import ClosedFile, Offer, Part, Whole

STORE = "11111111-2222-4333-8444-555555555555"
SHA = "ab" * 32


def file(number: int, first: int, last: int, *, sha256: str = SHA, pruned: bool = False) -> ClosedFile:
    return ClosedFile(f"results-{number:06}.db", first, last, 4096, sha256, pruned)


A, B = file(1, 1, 10), file(2, 11, 20)
GONE_A, GONE_B = file(1, 1, 10, pruned=True), file(2, 11, 20, pruned=True)
UNREADY_B = file(2, 11, 20, sha256="")
C = file(3, 21, 30)
STEPS: list[tuple[str, tuple[ClosedFile, ...], int, int, object]] = [
    ("an empty store has nothing", (), 0, 0, None),
    ("all is there already", (A,), 10, 10, None),
    ("a first closed file comes whole", (A, B), 25, 0, Whole(A)),
    ("then the second", (A, B), 25, 10, Whole(B)),
    ("then what is in no closed file", (A, B), 25, 20, Part(20)),
    ("of a file that is there for the most part, the rest", (A, B), 25, 17, Part(17, 20)),
    ("half of a file is the rest too", (A, B), 25, 15, Part(15, 20)),
    ("a file that is new for the most part comes whole", (A, B), 25, 14, Whole(B)),
    ("a file without a checksum yet is asked for by its numbers", (A, UNREADY_B), 25, 10, Part(10, 20)),
    ("a file that is not listed yet is not passed over", (A, C), 30, 10, Part(10, 30)),
    ("what was pruned is passed over", (GONE_A, B), 25, 0, Whole(B)),
    ("what was pruned and is there does not matter", (GONE_A, B), 25, 10, Whole(B)),
    ("two that were pruned are passed over", (GONE_A, GONE_B, C), 35, 0, Whole(C)),
    ("nothing is left where all that lacks was pruned", (GONE_A, GONE_B), 20, 5, None),
    ("what came after the pruned is asked for", (GONE_A, GONE_B), 21, 5, Part(5)),
]


@pytest.mark.parametrize(("files", "last_seq", "upto", "step"), [each[1:] for each in STEPS], ids=lambda each: "")
def test_the_next_step(files: tuple[ClosedFile, ...], last_seq: int, upto: int, step: object) -> None:
    assert offers.next_step(Offer(STORE, last_seq, files), upto) == step


@pytest.mark.parametrize(("upto", "lost"), [(0, 20), (5, 15), (10, 10), (20, 0), (25, 0)])
def test_what_was_pruned_before_it_was_had_is_counted(upto: int, lost: int) -> None:
    assert offers.lost(Offer(STORE, 35, (GONE_A, GONE_B, C)), upto) == lost


def listed(**changes: Any) -> dict[str, Any]:
    return {"name": "results-000001.db", "first_seq": 1, "last_seq": 10, "rows": 5, "bytes": 4096, "sha256": SHA,
            "closed_at_us": 1, "pruned": False, **changes}


def answer(**changes: Any) -> dict[str, Any]:
    return {"v": 1, "store": STORE, "last_seq": 25, "files": [listed()], **changes}


def test_a_list_is_read_in_the_order_of_its_batches() -> None:
    second = listed(name="results-000002.db", first_seq=11, last_seq=20)
    assert offers.parsed(answer(files=[second, listed()])) == Offer(STORE, 25, (A, B))


MALFORMED: dict[str, object] = {
    "no object": [],
    "another version": answer(v=2),
    "no store": answer(store=None),
    "a store that is no UUID": answer(store="../../etc"),
    "a number that is none": answer(last_seq="25"),
    "a number below zero": answer(last_seq=-1),
    "a number beyond all": answer(last_seq=2**63),
    "a truth for a number": answer(last_seq=True),
    "files that are no list": answer(files={}),
    "more files than can be": answer(files=[0] * 100_001),
    "a file that is no object": answer(files=["results-000001.db"]),
    "a name that leads elsewhere": answer(files=[listed(name="../results-000001.db")]),
    "a name that is hidden": answer(files=[listed(name=".db")]),
    "a name with a query": answer(files=[listed(name="a?b.db")]),
    "a file that ends before it begins": answer(files=[listed(first_seq=11)]),
    "a file that begins before the first": answer(files=[listed(first_seq=0)]),
    "a checksum that is none": answer(files=[listed(sha256="AB" * 32)]),
    "a size that is none": answer(files=[listed(bytes=1.5)]),
}


@pytest.mark.parametrize("document", MALFORMED.values(), ids=MALFORMED)
def test_a_list_is_refused_that_is(document: object) -> None:
    with pytest.raises(Unprocessable):
        offers.parsed(document)
