"""The read-only part of RIPE Atlas' API that managers answer. Pure."""

from collections.abc import Iterator
from typing import Final

from hoploom.wire.api.describing import JSON, READER, TEXT, Call

MEASUREMENTS: Final = "/api/v2/measurements"
PROBES: Final = "/api/v2/probes"
_PAGED: Final = {
    "page": "Number of the page, from 1", "page_size": "Items of a page, 500 at most", "limit": "The same",
    "id": "Only this", "id__in": "Only these, with commas", "status": "Number of the status",
    "status__in": "Numbers of statuses", "format": "`json`",
}  # fmt: skip
_TIMES: Final = {"start": "Probed at this moment or later, seconds since 1970", "stop": "Probed until then"}
_FORM: Final = {"probe_ids": "Only of these probes, with commas", "format": "`json` or `txt`, an object a line"}


def _calls() -> Iterator[Call]:
    """Each is there with and without a slash at its end: Atlas' clients ask for either."""
    sent = {200: (JSON, TEXT)}
    for slash in ("", "/"):
        yield Call("GET", MEASUREMENTS + slash, "Measurements: the campaigns.", READER,
                   {**_PAGED, "type": "`ping` or `traceroute`", "af": "4 or 6"})  # fmt: skip
        yield Call("GET", f"{MEASUREMENTS}/{{id}}{slash}", "One measurement.", READER)
        yield Call("GET", f"{MEASUREMENTS}/{{id}}/results{slash}", "Results of a measurement, as Atlas writes them.",
                   READER, {**_TIMES, **_FORM}, answers=sent)  # fmt: skip
        yield Call("GET", f"{MEASUREMENTS}/{{id}}/latest{slash}", "The newest result of each probe.", READER, _FORM,
                   answers=sent)  # fmt: skip
        yield Call("GET", PROBES + slash, "Probes: the workers.", READER, _PAGED)
        yield Call("GET", f"{PROBES}/{{id}}{slash}", "One probe.", READER)


CALLS: Final = tuple(_calls())
