"""Which of all, and a page of them."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from hoploom.kit.errors import BadRequest, NotFound
from hoploom.manager.atlas import listing

ITEMS: list[dict[str, Any]] = [
    {"id": each, "type": "ping" if each % 2 else "traceroute", "af": 4, "status": {"id": 2 if each < 3 else 4}}
    for each in (5, 1, 4, 2, 3)
]


def page(**query: str) -> dict[str, Any]:
    return listing.listed(ITEMS, listing.wish(query), "https://m/api/v2/x/")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"id__in": "5,2,99"}, [2, 5]),
        ({"id": "3"}, [3]),
        ({"status": "2"}, [1, 2]),
        ({"status__in": "2,4"}, [1, 2, 3, 4, 5]),
        ({"type": "ping"}, [1, 3, 5]),
        ({"af": "6"}, []),
        ({"page_size": "2", "page": "2"}, [3, 4]),
        ({"limit": "0"}, [1]),
    ],
)
def test_filters_and_pages_choose(query: dict[str, str], ids: list[int]) -> None:
    assert [each["id"] for each in page(**query)["results"]] == ids


def test_whoever_follows_next_has_everything_once_and_with_the_same_filters() -> None:
    found, query = list[int](), {"page_size": "1", "type": "ping", "status__in": "2,4", "id__in": "1,3,5"}
    while query:
        document = page(**query)
        assert document["count"] == 3
        found += [each["id"] for each in document["results"]]
        query = dict(parse_qsl(urlsplit(document["next"] or "").query))
    assert found == [1, 3, 5]


def test_the_page_before_is_named() -> None:
    assert page(page="2", page_size="2")["previous"] == "https://m/api/v2/x/?page=1&page_size=2"
    assert page()["previous"] is None


@pytest.mark.parametrize(
    "query",
    [{"country_code": "FI"}, {"page": "-1"}, {"id__in": "a"}, {"type": "<b>"}, {"format": "txt"}, {"page": "9" * 20},
     {"id__in": ",".join(["1"] * 2001)}],
)  # fmt: skip
def test_what_is_not_understood_is_refused_and_not_passed_over(query: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        page(**query)


def test_a_page_behind_the_last_is_none() -> None:
    with pytest.raises(NotFound, match="no page 4"):
        page(page="4", page_size="2")


def test_one_is_found_by_its_number() -> None:
    assert listing.one(ITEMS, "4", "thing") is ITEMS[2]
    with pytest.raises(NotFound, match="no thing 04"):
        listing.one(ITEMS, "04", "thing")
