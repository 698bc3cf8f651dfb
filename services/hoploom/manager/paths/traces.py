"""The newest traceroutes to an address, asked of all outputs, as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from hoploom.kit import Mesh
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import Answer

MOST: Final = 5
_TIMEOUT_S: Final = 4.0
_ROUTE: Final = "/api/v1/output/traces/"


@dataclass(frozen=True)
class Traces:
    """What outputs say.

    Attributes:
        rows: Traceroutes as `GET /api/v1/results` has them, newest first, each once.
        looked_back_us: How far back was looked, by the output that came least far; None where all was looked through.
        silent: Outputs that did not answer.
    """

    rows: tuple[Mapping[str, Any], ...] = ()
    looked_back_us: int | None = None
    silent: tuple[str, ...] = ()


async def newest(mesh: Mesh, headers: Mapping[str, str], address: str) -> Traces:
    """The newest traceroutes to an address.

    Args:
        mesh: This instance.
        headers: Say who asks.
        address: The target, canonical.
    """
    path = f"{_ROUTE}{quote(address, safe='')}?limit={MOST}"
    try:
        answers = await mesh.client("output").each("GET", path, headers=headers, timeout_s=_TIMEOUT_S)
    except Unavailable:
        return Traces(silent=("every output",))
    said = {instance.id: _document(answer) for instance, answer in answers}
    good = [each for each in said.values() if each is not None]
    backs = [each["looked_back_us"] for each in good if each["looked_back_us"] is not None]
    return Traces(
        rows=tuple(_once(row for each in good for row in each["results"])),
        looked_back_us=max(backs, default=None),
        silent=tuple(sorted(name for name, each in said.items() if each is None)),
    )


def _document(answer: Answer | Unavailable) -> Mapping[str, Any] | None:
    if isinstance(answer, Unavailable) or not answer.ok:
        return None
    try:
        found: Mapping[str, Any] = answer.json()
    except Unavailable:
        return None
    return found


def _once(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Newest first; a batch that two outputs took is there twice."""
    once = {(row["worker"], row["campaign"], row["at_us"]): row for row in rows}
    return [once[key] for key in sorted(once, key=lambda key: -int(key[2]))][:MOST]
