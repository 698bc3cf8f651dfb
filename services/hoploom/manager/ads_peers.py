"""Who the other managers are: by Consul, by settings, by their ads, and by asking any of them for its list.

A new one is asked for all that it has heard, and one of them again every minute: whoever was cut off, or has just been
started, soon knows what the others know.
"""

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass, field

from hoploom.kit import Mesh, credentials
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.manager.ads_flood import Flood, Peer
from hoploom.manager.ads_hearing import Hearing
from hoploom.manager.registry import Registry
from hoploom.wire.ads import MAX_ADS, Envelope
from hoploom.wire.advertised import why_not_url
from hoploom.wire.fields import NAME, Fields

log = logging.getLogger(__name__)
LOOK_EVERY_S = 5.0
MEET_EVERY_S = 0.5
PULL_EVERY_S = 60.0
MAX_PEERS = 64
"""More than anybody has; a list that claims more is cut."""

PULL_TIMEOUT_S = 20.0


@dataclass
class Peers:
    """Finds the others, and asks them.

    Attributes:
        mesh: This instance.
        registry: What was heard.
        hearing: Where what they tell goes.
        flood: Who has to know of them.
        token: The mesh's own, which managers show each other.
        named: Addresses that the settings name.
        plain: The client for addresses of Consul and of the settings.
        careful: The client for addresses that others named.
        from_loopback: Whether this instance is on loopback itself.
    """

    mesh: Mesh
    registry: Registry
    hearing: Hearing
    flood: Flood
    token: str
    named: tuple[str, ...]
    plain: HttpClient
    careful: HttpClient
    from_loopback: bool
    _consuls: dict[str, Peer] = field(default_factory=dict)
    _introduced: dict[str, Peer] = field(default_factory=dict)
    _pulled: set[str] = field(default_factory=set)

    async def follow(self) -> None:
        """Know the others, for ever."""
        while True:
            await self._look()
            until_s = boottime_s() + LOOK_EVERY_S * random.uniform(0.8, 1.2)
            while (left_s := until_s - boottime_s()) > 0:
                version = self.registry.version
                await self._meet()
                # Whoever has said something of itself is known at once, and is passed on to from then on.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left_s):
                        await self.registry.changed(version)
                        await asyncio.sleep(MEET_EVERY_S)

    async def _meet(self) -> None:
        found = self._found()
        self.flood.know(found)
        self._pulled &= found.keys()
        for name in found.keys() - self._pulled:
            if await self._pull(found[name]):
                self._pulled.add(name)

    async def pull(self) -> None:
        """Ask one of them for all that it has heard, every minute, for ever."""
        while True:
            await asyncio.sleep(PULL_EVERY_S * random.uniform(0.8, 1.2))
            found = list(self._found().values())
            if found:
                await self._pull(random.choice(found))

    def _found(self) -> dict[str, Peer]:
        """All that are known now; what this instance's own side says counts more than what they say themselves."""
        said = {each.id: peer for each in self.registry.managers() if (peer := self._advertised(each.body.urls))}
        found = {**said, **self._introduced, **self._consuls}
        found.pop(self.mesh.id, None)
        return dict(list(found.items())[:MAX_PEERS])

    def _advertised(self, urls: tuple[str, ...]) -> Peer | None:
        good = (url for url in urls if not why_not_url(url, from_loopback=self.from_loopback))
        return next((Peer(url, self.careful) for url in good), None)

    async def _look(self) -> None:
        try:
            _, found = await self.mesh.consul.instances("manager")
            self._consuls = {each.id: Peer(each.url, self.plain) for each in found}
        except Unavailable as error:
            log.debug("the last known managers are kept: %s", error)
        for url in self.named:
            await self._introduce(url)

    async def _introduce(self, url: str) -> None:
        """Ask an address of the settings who is there, and whom that one knows."""
        document = await self._asked(Peer(url, self.plain), "/managers")
        if document is None:
            return
        name = document.text("id", NAME)
        self._introduced = {each: peer for each, peer in self._introduced.items() if peer.url != url}
        if name != self.mesh.id:
            self._introduced[name] = Peer(url, self.plain)
        await self._taken_in(document, name)

    async def _pull(self, peer: Peer) -> bool:
        document = await self._asked(peer, "/ads")
        if document is not None:
            await self._taken_in(document, document.text("id", NAME))
        return document is not None

    async def _asked(self, peer: Peer, path: str) -> Fields | None:
        """What a manager answers; None where nothing comes back that is understood."""
        headers = credentials.header(self.token)
        try:
            answer = await peer.http.request("GET", peer.url + path, headers=headers, timeout_s=PULL_TIMEOUT_S)
            if not answer.ok:
                raise Unavailable(f"{peer.url} refuses: {answer.reason()}")
            document = Fields(answer.json(), "an answer of a manager")
            document.text("id", NAME)
            document.objects("ads")
        except (Unavailable, BadRequest) as error:
            log.debug("a manager does not tell what it has heard: %s", error)
            return None
        return document

    async def _taken_in(self, document: Fields, sender: str) -> None:
        envelopes = _envelopes(document.objects("ads"))
        for at in range(0, len(envelopes), MAX_ADS):
            try:
                await self.hearing.hear(envelopes[at : at + MAX_ADS], sender)
            except (BadRequest, Unavailable) as error:
                log.debug("nothing of what a manager tells is believed: %s", error)


def _envelopes(documents: list[object]) -> list[Envelope]:
    """Those that are understood: a later version may tell of things that this one does not know."""
    found = []
    for each in documents:
        try:
            found.append(Envelope.from_json(each))
        except BadRequest as error:
            log.debug("an envelope is passed over: %s", error)
    return found
