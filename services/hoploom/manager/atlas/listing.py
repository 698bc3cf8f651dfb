"""Lists of Atlas' API: which of all, and a page of them. Pure.

Source: RIPE Atlas API v2 reference, "Paging" and "Filtering".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from hoploom.kit.errors import BadRequest, NotFound

PAGE: Final = 100
MAX_PAGE: Final = 500
MAX_IDS: Final = 2_000
_DIGITS: Final = re.compile("[0-9]{1,15}")
_WORDS: Final = re.compile("[a-z]{1,20}")
_PAGING: Final = ("page", "page_size", "limit", "format")
_OF_ITEMS: Final = ("id", "id__in", "status", "status__in", "type", "af")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What of a list is wanted.

    Attributes:
        page: Number of the page, 1 for the first.
        size: Most items of a page.
        ids: Only these; None for all.
        statuses: Only with a status of these numbers; None for any.
        type: Only of this type; empty for any.
        family: Only of this address family, as text; empty for any.
    """

    page: int = 1
    size: int = PAGE
    ids: frozenset[int] | None = None
    statuses: frozenset[int] | None = None
    type: str = ""
    family: str = ""


def wish(query: Mapping[str, str]) -> Wish:
    """What a query asks for.

    Raises:
        BadRequest: It asks by a filter that there is not here, or for nonsense; passed over, it would give too much.
    """
    unknown = [name for name in query if name not in (*_PAGING, *_OF_ITEMS)]
    if unknown:
        raise BadRequest(f"there is no filter {unknown[0][:40]!r} here; there are {', '.join(_OF_ITEMS)}")
    if query.get("format", "json") != "json":
        raise BadRequest("lists come as json alone")
    size = _numbers("page_size", query.get("page_size") or query.get("limit") or str(PAGE))[0]
    return Wish(
        page=max(1, _numbers("page", query.get("page", "1"))[0]),
        size=min(max(1, size), MAX_PAGE),
        ids=_set("id", query.get("id__in") or query.get("id")),
        statuses=_set("status", query.get("status__in") or query.get("status")),
        type=_word("type", query.get("type", "")),
        family=query.get("af", ""),
    )


def listed(items: Iterable[Mapping[str, Any]], wanted: Wish, url: str) -> dict[str, Any]:
    """A page of the items that are wanted, in the order of their ids.

    Args:
        items: All.
        wanted: Which.
        url: Address of the list, for the pages before and after.

    Raises:
        NotFound: There is no such page.
    """
    found = sorted((each for each in items if _is_wanted(each, wanted)), key=lambda each: int(each["id"]))
    start = (wanted.page - 1) * wanted.size
    if start and start >= len(found):
        raise NotFound(f"there is no page {wanted.page}: there are {len(found)} items")
    more = start + wanted.size < len(found)
    return {
        "count": len(found),
        "next": _page_url(url, wanted, wanted.page + 1) if more else None,
        "previous": _page_url(url, wanted, wanted.page - 1) if start else None,
        "results": found[start : start + wanted.size],
    }


def one(items: Iterable[Mapping[str, Any]], number: str, what: str) -> Mapping[str, Any]:
    """The item with an id; raises NotFound where there is none."""
    found = [each for each in items if str(each["id"]) == number]
    if not found:
        raise NotFound(f"there is no {what} {number[:20]}")
    return found[0]


def _is_wanted(item: Mapping[str, Any], wanted: Wish) -> bool:
    return (
        (wanted.ids is None or item["id"] in wanted.ids)
        and (wanted.statuses is None or item["status"]["id"] in wanted.statuses)
        and wanted.type in ("", str(item["type"]).lower())
        and wanted.family in ("", str(item.get("af")))
    )


def _page_url(url: str, wanted: Wish, page: int) -> str:
    asked: dict[str, str] = {"page": str(page), "page_size": str(wanted.size)}
    for name, values in (("id__in", wanted.ids), ("status__in", wanted.statuses)):
        if values is not None:
            asked[name] = ",".join(map(str, sorted(values)))
    asked |= {name: value for name, value in (("type", wanted.type), ("af", wanted.family)) if value}
    return f"{url}?{urlencode(asked)}"


def _set(name: str, text: str | None) -> frozenset[int] | None:
    return None if text is None else frozenset(_numbers(name, text))


def _numbers(name: str, text: str) -> Sequence[int]:
    words = [each.strip() for each in text.split(",")]
    if len(words) > MAX_IDS or not all(map(_DIGITS.fullmatch, words)):
        raise BadRequest(f"{name} is a whole number or several with commas, not {text[:40]!r}")
    return [int(each) for each in words]


def _word(name: str, text: str) -> str:
    if text and not _WORDS.fullmatch(text):
        raise BadRequest(f"{name} is a word such as ping, not {text[:40]!r}")
    return text
