"""Some managers as processes, at one Consul, in a namespace of the run; and workers that only send ads.

Each half of the managers has a group of its own, so that the link between the halves can be cut by rules of nftables.
The lab signs the credentials: it has put a key of its own among the managers' into the KV store.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine_processes import ConsulAgent, ask, free_ports
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.trust.credential import CREDENTIAL_TTL_S, Credential, issue
from hoploom.trust.key_record import KEYS, KeyRecord
from hoploom.trust.keys import Signer
from hoploom.wire import ads
from hoploom.wire.ad_bodies import WorkerBody
from hoploom.wire.ads import MANAGER, WORKER, Ad, Envelope
from lab.process import Process, always

TOKEN, KID = "lab-token", "1ab0" * 4
_FIRST_GROUP = 5001
_PASSED_ON = re.compile(r"^hoploom_ads_passed_on_total\{[^}]*\} (\S+)$", re.MULTILINE)
_CUT = "table ip ads {{ chain out {{ type filter hook output priority filter\n {rules}\n }}\n}}"
_UNCUT = "table ip ads\ndelete table ip ads"


@dataclass
class LabWorker:
    """A worker that sends ads and does nothing else.

    Attributes:
        name: Its name.
        signer: The mesh's key that signs its credential.
        ttl_s: How long its ads hold.
        boot: Its boot count.
        instance: Names its run.
        generation: Ads of this run so far.
    """

    name: str
    signer: Signer
    ttl_s: int = 45
    boot: int = 1
    instance: str = "a" * 32
    generation: int = 0
    key: Signer = field(default_factory=Signer.new)

    def next(self) -> Envelope:
        """Its next ad."""
        self.generation += 1
        ad = Ad(
            kind=WORKER, id=self.name, instance=self.instance, boot=self.boot, generation=self.generation,
            ttl_s=self.ttl_s, body=WorkerBody(version="1", note="idle", families=(4, 6), skills=("ping", "trace")),
        )
        text = ad.to_bytes()
        return Envelope(
            ad=text, signature=self.key.sign(text), credential=self.credential, remaining_s=float(ad.ttl_s)
        )

    @cached_property
    def credential(self) -> str:
        """One for all its ads, as a worker has for hours."""
        expires_s = wall_us() // 10**6 + CREDENTIAL_TTL_S
        said = Credential(kid=KID, worker=self.name, number=1, key=self.key.public, dc="dc1", expires_s=expires_s)
        return issue(self.signer, said)


class AdManagers:
    """So many managers, while this is entered as a context."""

    def __init__(self, consul: Path, folder: Path, count: int, options: Sequence[str] = ()) -> None:
        """Start nothing yet.

        Args:
            consul: Its executable.
            folder: An empty folder for data and logs.
            count: How many managers.
            options: Further options of each.
        """
        self.agent, self.signer = ConsulAgent(consul, folder / "consul"), Signer.new()
        token = folder / "token"
        token.write_text(TOKEN)
        self.ports = free_ports(count)
        self.urls = [f"http://127.0.0.1:{port}" for port in self.ports]
        words = ["--consul-addr", self.agent.url, "--log-level", "warning",
                 "--worker-token-file", str(token), "--operator-token-file", str(token), *options]  # fmt: skip
        run = [sys.executable, "-m", "hoploom.manager", *words]
        self.processes: list[Process] = [
            always(f"m{at}", [*self._in_group(at), *run, "--port", str(port)], folder)
            for at, port in enumerate(self.ports)
        ]
        self.http = HttpClient()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.agent.stop)
            self.agent.start()
            self._publish()
            for each in self.processes:
                stack.callback(each.kill)
                each.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def worker(self, name: str, **fields: Any) -> LabWorker:
        """A worker of this mesh."""
        return LabWorker(name, self.signer, **fields)

    async def say(self, at: int, *workers: LabWorker) -> None:
        """Have workers send their next ads to one manager, in one message."""
        await self.tell(at, [each.next() for each in workers])

    async def tell(self, at: int, envelopes: list[Envelope]) -> None:
        """Send ads to one manager."""
        for first in range(0, len(envelopes), ads.MAX_ADS):
            document = ads.message(envelopes[first : first + ads.MAX_ADS])
            answer = await self.http.request("POST", f"{self.urls[at]}/ads", json=document)
            if not answer.ok:
                raise Unavailable(f"manager {at} refuses ads: {answer.reason()}")

    async def live(self, at: int, kind: str = WORKER) -> dict[str, tuple[int, int]]:
        """Boot and generation of the senders that a manager takes for alive; nobody where it does not answer."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        try:
            answer = await self.http.request("GET", f"{self.urls[at]}/ads", headers=headers)
        except Unavailable:
            return {}
        found: dict[str, tuple[int, int]] = {}
        for each in map(Envelope.from_json, answer.json()["ads"]):
            ad = Ad.from_bytes(each.ad)
            if ad.kind == kind and each.remaining_s > 0 and not ad.down:
                found[ad.id] = max(found.get(ad.id, (0, 0)), (ad.boot, ad.generation))
        return found

    async def name(self, at: int) -> str:
        """Instance id of a manager; empty where it does not answer."""
        try:
            answer = await self.http.request("GET", f"{self.urls[at]}/health")
        except Unavailable:
            return ""
        return answer.body.decode().partition(" ")[0]

    async def all_live(self, ats: Sequence[int], kind: str = WORKER) -> list[dict[str, tuple[int, int]]]:
        """As `live`, of several managers."""
        return [await self.live(at, kind) for at in ats]

    async def clashes(self, at: int) -> list[str]:
        """Names that a manager's page shows as sent by more than one machine."""
        return [each["id"] for each in await self.workers(at) if each["clash"]]

    async def workers(self, at: int) -> list[dict[str, Any]]:
        """Workers as a manager's overview has them."""
        url, headers = f"{self.urls[at]}/api/v1/overview", {"Authorization": f"Bearer {TOKEN}"}
        answer = await self.http.request("GET", url, headers=headers, timeout_s=20.0)
        found: list[dict[str, Any]] = answer.json()["workers"]
        return found

    async def passed_on(self, ats: Sequence[int]) -> int:
        """Ads that these managers have passed on since their start."""
        total = 0
        for at in ats:
            answer = await self.http.request("GET", f"{self.urls[at]}/metrics")
            total += sum(int(float(each)) for each in _PASSED_ON.findall(answer.body.decode()))
        return total

    async def own_generations(self, ats: Sequence[int]) -> int:
        """Ads that the managers have said of themselves, by what the first of these has heard."""
        return sum(generation for _, generation in (await self.live(ats[0], MANAGER)).values())

    def cut(self) -> None:
        """Drop all that one half of the managers sends to the ports of the other."""
        half = len(self.ports) // 2
        rules = [
            f"meta skgid {_FIRST_GROUP + mine} tcp dport {{ {', '.join(map(str, theirs))} }} drop"
            for mine, theirs in ((0, self.ports[half:]), (1, self.ports[:half]))
        ]
        _nft(_CUT.format(rules="\n ".join(rules)))

    def mend(self) -> None:
        """Let everything through again."""
        _nft(_UNCUT)

    def _in_group(self, at: int) -> list[str]:
        half = int(at >= len(self.ports) // 2)
        return ["setpriv", f"--regid={_FIRST_GROUP + half}", "--clear-groups"]

    def _publish(self) -> None:
        record = KeyRecord(
            kid=KID, public=self.signer.public, dc="dc1", instance="lab", made_us=wall_us(),
            until_us=wall_us() + 86_400 * 10**6,
        )
        assert ask("PUT", f"{self.agent.url}/v1/kv/{KEYS}{KID}", record.to_json()) is True


def _nft(rules: str) -> None:
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True, capture_output=True)


