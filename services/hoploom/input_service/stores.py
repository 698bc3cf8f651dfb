"""All outputs' stores as one: a question counts as answered when every store of the mesh has answered it.

A store that is away cannot be asked, and what it has is neither there nor missing: the question waits. One that stays
away longer than the patience is taken for lost and leaves the list; when it answers again it is entered again.
"""

import json
import logging
from collections.abc import Mapping, Set
from typing import Any

from hoploom.kit import Mesh
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import Answer

log = logging.getLogger(__name__)
STORES = "hoploom/stores/"
"""Below it every store of the mesh has a key with its UUID, written by the output instance that opened it."""

TIMEOUT_S = 10.0


class Stores:
    """Asks every store."""

    def __init__(self, mesh: Mesh, patience_s: float) -> None:
        """Know the mesh.

        Args:
            mesh: This instance.
            patience_s: How long a store may be away before it is taken for lost, in seconds of this machine's clock.
        """
        self._mesh, self._patience_s = mesh, patience_s
        self._away_since_s: dict[str, float] = {}

    async def ask(self, path: str, timeout_s: float = TIMEOUT_S) -> list[Mapping[str, Any]]:
        """What each store answers to a GET.

        Args:
            path: Path with query.
            timeout_s: How long one store may take.

        Returns:
            One JSON object of each store, with its UUID as `store`.

        Raises:
            Unavailable: A store is away or answers nonsense, so nobody can say.
        """
        found: dict[str, Mapping[str, Any]] = {}
        silent: dict[str, str] = {}
        for instance, answer in await self._mesh.client("output").each("GET", path, timeout_s=timeout_s):
            try:
                document = _read(instance, answer)
            except Unavailable as error:
                silent[instance.meta.get("store", instance.id)] = str(error)
            else:
                found[document["store"]] = document
        await self._all_heard(found.keys(), silent)
        if not found:
            raise Unavailable("; ".join(silent.values()) or "no output instance is known")
        return list(found.values())

    async def _all_heard(self, answered: Set[str], silent: Mapping[str, str]) -> None:
        """Raises Unavailable while a known store is away and not yet taken for lost."""
        consul, now_s = self._mesh.consul, boottime_s()
        listed = {entry.key.removeprefix(STORES) for entry in await consul.kv_list(STORES)}
        for store in answered - listed:
            await consul.kv_put(f"{STORES}{store}", json.dumps({"v": 1, "uuid": store, "at_us": wall_us()}).encode())
        away = (listed | silent.keys()) - answered
        self._away_since_s = {store: self._away_since_s.get(store, now_s) for store in away}
        for store, since_s in self._away_since_s.items():
            if now_s - since_s <= self._patience_s:
                reason = silent.get(store, f"store {store} is away")
                raise Unavailable(f"{reason}; after {self._patience_s:g} s it is taken for lost")
        for store in away - silent.keys():
            log.warning("store %s is away for over %g s: taken for lost", store, self._patience_s)
            await consul.kv_delete(f"{STORES}{store}")


def _read(instance: Instance, answer: Answer | Unavailable) -> Mapping[str, Any]:
    if isinstance(answer, Unavailable):
        raise Unavailable(f"{instance.id} does not answer: {answer}")
    if not answer.ok:
        raise Unavailable(f"{instance.id} refuses: {answer.reason()}")
    document = answer.json()
    if not isinstance(document, dict) or not isinstance(document.get("store"), str):
        raise Unavailable(f"{instance.id} does not say which store it has")
    return document
