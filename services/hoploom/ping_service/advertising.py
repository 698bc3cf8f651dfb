"""Tells the managers how this worker is: every 15 seconds, at once when that changes, and that it stops.

Every manager that is known and reached is told, since each passes on what it hears and any of them may be away. Only a
worker that joined has a key to sign with; one of the mesh's own machines stands in Consul by its agent.
"""

import asyncio
import ipaddress
import logging
import random
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.errors import BadRequest, Unauthorized, Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.ping_service.boot_count import BootCount
from hoploom.ping_service.identity import Identity
from hoploom.ping_service.voice import Voice
from hoploom.wire import ads, advertised
from hoploom.wire.ad_bodies import NOTE_LENGTH, WARNING, WorkerBody
from hoploom.wire.ads import EVERY_S, Ad, Answer, Envelope

log = logging.getLogger(__name__)
MOST_MANAGERS = 8
"""Told by this worker itself; the others hear it from those."""

AWAY_S = 300.0
"""Another manager than the one that it joined at is left out for so long when it was not reached."""

SAY_TIMEOUT_S, FAREWELL_S = 5.0, 1.5
CLASH = "another machine sends under this worker's name and key: stop one, or have it join again as another"
_SAID = metrics.counter("hoploom_ping_ads_total", "Ads sent to managers, by what came back.", ("result",))
_CLASH = metrics.gauge("hoploom_ping_clash", "1 while another machine sends under this worker's name and key.")


class Advertising:
    """One worker's ads."""

    def __init__(
        self, identity: Identity, boots: BootCount, body: Callable[[], WorkerBody], http: tuple[HttpClient, HttpClient]
    ) -> None:
        """Say nothing yet.

        Args:
            identity: Of a worker that joined.
            boots: Its boot count.
            body: How it is, just now.
            http: The client for the manager that it joined at, and a careful one for those that others name.
        """
        self._identity, self._boots, self._body = identity, boots, body
        self._http, self._careful = http
        self._voice: Voice | None = None
        self._managers: tuple[str, ...] = ()
        self._away_until_s: dict[str, float] = {}
        self._left = False

    @property
    def trouble(self) -> str:
        """What a person should know, for the report; empty where there is nothing."""
        return CLASH if self._voice and self._voice.clash else ""

    async def run(self, news: Callable[[], Awaitable[None]]) -> None:
        """Say so for ever.

        Args:
            news: Waits until something may have changed, a second at most.

        Raises:
            ConfigError: The boot count cannot be kept.
        """
        answer = self._identity.answer
        boot = await asyncio.to_thread(self._boots.next, answer.highest_boot if answer else 0)
        self._voice = Voice(name=self._identity.name, instance=uuid.uuid4().hex, boot=boot, started_us=wall_us())
        while not self._left:
            said = self._look()
            if await self._told():
                due_s = boottime_s() + EVERY_S * random.uniform(0.8, 1.0)
                while boottime_s() < due_s and self._look() == said:
                    await news()

    async def leave(self) -> None:
        """Say that this worker stops; once, to whoever answers in time."""
        self._left = True
        if self._voice is not None and self._identity.ready:
            await self._post_all(self._voice, FAREWELL_S, down=True)

    def urls(self) -> list[str]:
        """The managers to tell: where it joined, and those that managers name, if they may be asked."""
        identity, now_s = self._identity, boottime_s()
        answer = identity.answer
        from_loopback = is_loopback(identity.mesh_url)
        named = [*self._managers, *(answer.managers if answer else ())]
        plain = identity.mesh_url.startswith("http://")
        others = [
            each
            for each in (url.rstrip("/") for url in named)
            if (plain or each.startswith("https://"))
            and not advertised.why_not_url(each, from_loopback=from_loopback)
            and self._away_until_s.get(each, now_s) <= now_s
        ]
        return list(dict.fromkeys([identity.mesh_url, *others]))[:MOST_MANAGERS]

    def _look(self) -> tuple[str, str, str]:
        body = self._body()
        return body.status, body.note, self.trouble

    async def _told(self) -> bool:
        """Say it once; False where the answers make it say so again under a higher boot count."""
        assert self._voice is not None, "a run has a voice"
        if not self._identity.ready:
            return True
        before = self._voice
        answers = await self._post_all(before, SAY_TIMEOUT_S)
        if not answers:
            return True
        self._managers = tuple(url for each in answers for url in each.managers)
        after = self._voice.heard(answers)
        if after.boot != before.boot:
            log.warning("boot count %s is behind: the mesh knows of %s", before.boot, after.boot - 1)
            await asyncio.to_thread(self._boots.keep, after.boot)
        if after.clash and not before.clash:
            log.error(CLASH)
        _CLASH.set(after.clash)
        self._voice = after
        return after.boot == before.boot

    async def _post_all(self, voice: Voice, timeout_s: float, *, down: bool = False) -> list[Answer]:
        body = self._body()
        if self.trouble:
            body = replace(body, status=WARNING, note=f"{self.trouble}; {body.note}"[:NOTE_LENGTH])
        self._voice, ad = voice.say(body, down=down)
        envelope = self._signed(ad)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._post(url, envelope, timeout_s)) for url in self.urls()]
        return [found for each in tasks if (found := each.result())]

    def _signed(self, ad: Ad) -> Envelope:
        key, answer, text = self._identity.key, self._identity.answer, ad.to_bytes()
        assert key is not None and answer is not None, "a worker that joined has both"
        return Envelope(
            ad=text, signature=key.sign(text), credential=answer.credential, remaining_s=float(ad.ttl_s)
        )

    async def _post(self, url: str, envelope: Envelope, timeout_s: float) -> Answer | None:
        http = self._http if url == self._identity.mesh_url else self._careful
        try:
            answer = await http.request("POST", f"{url}/ads", json=ads.message([envelope]), timeout_s=timeout_s)
            if answer.ok:
                _SAID.labels("taken").inc()
                return Answer.from_json(answer.json())
            raise (Unauthorized if answer.status == Unauthorized.status else BadRequest)(answer.reason())
        except Unavailable as error:
            result = "away"
            log.debug("a manager is not told how this worker is: %s", error)
        except BadRequest as error:
            result = "refused"
            log.debug("a manager does not believe this worker: %s", error)
            if isinstance(error, Unauthorized) and url == self._identity.mesh_url:
                self._identity.renew_soon()
        if url != self._identity.mesh_url:
            self._away_until_s[url] = boottime_s() + AWAY_S
        _SAID.labels(result).inc()
        return None


def clients(mesh_url: str, ca_file: str) -> tuple[HttpClient, HttpClient]:
    """The clients of a worker that joined there: a plain one for that address, a careful one for all others."""
    why_not = partial(advertised.why_not, from_loopback=is_loopback(mesh_url))
    return HttpClient(ca_file, unacked_s=SAY_TIMEOUT_S), HttpClient(ca_file, why_not, unacked_s=SAY_TIMEOUT_S)


def is_loopback(url: str) -> bool:
    """Whether an URL leads to this machine by its own text."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
