"""What a collector says to outputs and hears from them, but for the files themselves.

An instance is asked at its own address. Only where nobody answers there, Fabio is tried: it may lead to any instance,
so what comes by it counts only where it is of the right store.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hoploom.kit import credentials
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.output_service.collecting import offers
from hoploom.output_service.collecting.offers import Offer

ASK_TIMEOUT_S = 10.0
FABIO_TRIES = 4
"""Fabio picks at random: of three instances, the right one is among so many picks four times in five."""

_NOT_FOUND = 404


class TwoStores(Unavailable):
    """Two instances have the same store: one is a copy, and nobody can tell which results it will give."""


@dataclass(frozen=True)
class Confirmation:
    """What an output is told.

    Attributes:
        data_set: Name of the data set.
        data_set_uuid: Its UUID.
        store: UUID of the store.
        upto: It has every batch of the store up to here, on its disk.
    """

    data_set: str
    data_set_uuid: str
    store: str
    upto: int


class OutputClient:
    """The way to all outputs."""

    def __init__(self, http: HttpClient, fabio_addr: str, token: str) -> None:
        """Know the pool, where Fabio is (empty: nowhere), and the token of the mesh's workers."""
        self._http, self._fabio_addr, self._headers = http, fabio_addr, credentials.header(token)

    async def offer(self, store: str, instances: Iterable[Instance], at: int) -> tuple[str, Offer]:
        """Where a store answers, and what it has.

        Args:
            store: UUID of the store.
            instances: Who may have it.
            at: Number of the batch whose id is asked for; 0: none.

        Raises:
            TwoStores: Two instances have it.
            Unavailable: Nobody answers for it.
            Unprocessable: The answer is no list of files.
        """
        answered: list[tuple[str, Offer]] = []
        reason = "it has no instance"
        for url in dict.fromkeys(each.url for each in instances):
            try:
                found = await self._offered(url, at)
            except Unavailable as error:
                reason = str(error)
                continue
            if found.store == store:
                answered.append((url, found))
            else:
                reason = f"{url} is of store {found.store}"
        if len(answered) > 1:
            raise TwoStores(f"both {answered[0][0]} and {answered[1][0]} have it: one of them is a copy", 60.0)
        return answered[0] if answered else await self._by_fabio(store, at, reason)

    async def confirm(self, url: str, said: Confirmation) -> None:
        """Tell an output how far the data set has its store.

        Raises:
            Unavailable: It was not heard, or is not believed; says why.
        """
        body = {
            "v": offers.VERSION,
            "data_set": said.data_set,
            "data_set_uuid": said.data_set_uuid,
            "store": said.store,
            "upto": said.upto,
        }
        answer = await self._http.request(
            "POST", f"{url}/api/v1/output/confirmed", json=body, headers=self._headers, timeout_s=ASK_TIMEOUT_S
        )
        if not answer.ok:
            raise Unavailable(f"it does not take the confirmation: {answer.reason()}")

    async def _offered(self, url: str, at: int) -> Offer:
        asked = f"?at={at}" if at else ""
        answer = await self._http.request("GET", f"{url}/dumps{asked}", headers=self._headers, timeout_s=ASK_TIMEOUT_S)
        if answer.status == _NOT_FOUND:
            raise Unavailable(f"{url} does not list its files: an output of an older version")
        if not answer.ok:
            raise Unavailable(f"{url} does not list its files: {answer.reason()}")
        return offers.parsed(answer.json())

    async def _by_fabio(self, store: str, at: int, reason: str) -> tuple[str, Offer]:
        for _ in range(FABIO_TRIES if self._fabio_addr else 0):
            try:
                found = await self._offered(self._fabio_addr, at)
            except Unavailable:
                break
            if found.store == store:
                return self._fabio_addr, found
        raise Unavailable(reason)
