"""Results in the forms that people download: the same rows as in pages of JSON, in lines."""

import csv
import io
import json
from ipaddress import ip_network
from typing import Any

import pytest
from ripe.atlas.sagan import Result

from hoploom.output_service import forms, paging
from hoploom.output_service.cursors import Place
from hoploom.output_service.paging import Page
from hoploom.output_service.queries import Query
from hoploom.output_service.store import Store
from unit.wire.batches import make
from unit.wire.traces import traced

FILTERS: dict[str, dict[str, Any]] = {
    "everything": {},
    "a kind": {"kind": "trace"},
    "a campaign": {"campaign": "first-map"},
    "a campaign that is not there": {"campaign": "other"},
    "a worker": {"worker": "pi-1"},
    "an outcome": {"outcome": "lost"},
    "an outcome of traceroutes": {"outcome": "reached"},
    "a prefix": {"prefix": ip_network("10.0.0.8/30")},
    "the other family": {"prefix": ip_network("2001:db8::/32")},
    "from a moment on": {"since_us": 1_700_000_002_000_000},
    "until a moment": {"until_us": 1_700_000_002_000_000},
}


async def everything(store: Store, query: Query) -> list[Page]:
    module: Any = forms if query.form else paging
    pages = [await module.page(store, query, Place(store.files.first_seq(store.files.numbers()[0])))]
    while not pages[-1].is_end:
        pages.append(await module.page(store, query, pages[-1].behind))
    return pages


async def text(store: Store, **wanted: Any) -> str:
    found = await everything(store, Query(**wanted))
    return "".join(each.document[forms.TEXT] for page in found for each in page.results)


@pytest.fixture
async def stored(store: Store) -> Store:
    for batch in (make(1), make(2, worker="other", suspect=True), traced(3)):
        await store.append(batch)
    return store


@pytest.mark.parametrize("case", FILTERS)
async def test_lines_are_of_the_same_results_as_pages(stored: Store, case: str) -> None:
    pages = await everything(stored, Query(**FILTERS[case]))
    known = [each.document for page in pages for each in page.results]
    lines = csv.DictReader(io.StringIO(forms.HEADINGS["csv"] + await text(stored, form="csv", **FILTERS[case])))
    assert list(dict.fromkeys((each["batch"], each["address"]) for each in lines)) == [
        (each["batch"], each["address"]) for each in known
    ]
    objects = (await text(stored, form="atlas", **FILTERS[case])).splitlines()
    assert [json.loads(each)["dst_addr"] for each in objects] == [
        each["address"] for each in known if not each["suspect"]
    ]


async def test_atlas_own_reader_reads_them(stored: Store) -> None:
    found = [Result.get(each) for each in (await text(stored, form="atlas")).splitlines()]
    assert [each.type for each in found] == ["ping"] * 6 + ["traceroute"] * 3
    assert not any(each.is_malformed for each in found)


@pytest.mark.parametrize("limit", [1, 4, 5, 100])
async def test_pages_of_any_size_are_everything_once(stored: Store, limit: int) -> None:
    assert await text(stored, form="csv", limit=limit) == await text(stored, form="csv", limit=1000)


async def test_pages_go_on_over_all_files(filled: Store) -> None:
    assert (await text(filled, form="csv", limit=1000)).count("\n") == 1800
