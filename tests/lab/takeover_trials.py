"""How long nobody serves the targets of an input instance that was killed: to the first lease of one of its slots."""

import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any

from engine_processes import ask
from hoploom.input_service.relay import HEADER
from hoploom.input_service.shards import SLOTS, shard_at, slot_of
from hoploom.wire.lease import Lease, LeaseDone, LeaseRequest
from lab.history import INFO, INVOKE, OK, Recorder
from lab.input_arena import InputArena
from lab.input_mesh import GROUP, TOKEN
from lab.process import Process
from waiting import until

Report = Callable[[str], None]
ASK_EVERY_S = 0.01
CALL_S = 2.0


def takeovers(arena: InputArena, size: int, count: int, report: Report) -> list[float]:
    """Kill one instance after the other, and start it again when its slots are served by others.

    Args:
        arena: A run whose workers leave enough to do.
        size: Targets of the campaign.
        count: How many kills.
        report: Is told of each.

    Returns:
        Seconds from each kill to the first lease from one of the victim's slots.
    """
    found = []
    with Recorder(arena.history, "asker") as recorder:
        asker = Asker(arena, recorder, size)
        for number in range(count):
            victim = arena.inputs[number % len(arena.inputs)]
            slots = until("slots of everybody", partial(_slots, arena, victim), 40)
            others = [url for url, each in zip(arena.urls, arena.inputs, strict=True) if each is not victim]
            began_s = time.monotonic()
            arena.recorder.note(INVOKE, "kill", victim.name)
            victim.kill()
            until("a lease of a slot of the victim", partial(asker.served, others, slots), 60, ASK_EVERY_S)
            found.append(time.monotonic() - began_s)
            victim.start()
            report(f"takeover {number + 1}/{count}: {found[-1]:.3f} s, {len(slots)} slots")
    return found


def _slots(arena: InputArena, victim: Process) -> frozenset[int]:
    """The slots of one instance, once all slots are owned and every instance owns some; empty before."""
    url = next(url for url, each in zip(arena.urls, arena.inputs, strict=True) if each is victim)
    pages = [(ask("GET", f"{each}/api/v1/slots") or {"slots": []})["slots"] for each in arena.urls]
    if any(len(page) < SLOTS or {each["url"] for each in page} != set(arena.urls) for page in pages):
        return frozenset()
    return frozenset(each["slot"] for each in pages[0] if each["url"] == url)


class Asker:
    """A worker that asks single instances for what they own themselves, and has every lease done at once."""

    def __init__(self, arena: InputArena, recorder: Recorder, size: int) -> None:
        """Ask nothing yet."""
        self._output, self._recorder, self._size = arena.output, recorder, size
        self._turn = 0

    def served(self, urls: Sequence[str], slots: AbstractSet[int]) -> bool:
        """Ask the next of these instances for a lease; whether it is one of these slots."""
        self._turn += 1
        url = urls[self._turn % len(urls)]
        # Another name each time: by its name a worker begins at another shard.
        asked = LeaseRequest(
            request_id=uuid.uuid4().hex, worker=f"asker-{self._turn}", group=GROUP, rate_pps=1, families=(4,)
        )
        answer = _post(f"{url}/leases", asked.to_json())
        if not answer:
            return False
        lease = Lease.from_json(answer["lease"])
        self._finish(url, lease, asked.worker)
        return slot_of(lease.campaign, lease.family, shard_at(self._size, lease.start)) in slots

    def _finish(self, url: str, lease: Lease, worker: str) -> None:
        self._output.store(lease)
        done = LeaseDone(worker=worker, campaign=lease.campaign, group=lease.group, token=lease.token)
        what = {"lease": lease.id, "start": lease.start, "stop": lease.stop}
        key = f"{lease.campaign}/{lease.round}/{lease.group}/{lease.family}"
        answer = _post(f"{url}/leases/{lease.id}/done", done.to_json())
        self._recorder.note(OK if answer else INFO, "done", key, what, lease.token)


def _post(url: str, document: dict[str, Any]) -> Any:
    """The answer to a request that is not passed on; None where there is none."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", HEADER: "1"}
    try:
        asked = urllib.request.Request(url, json.dumps(document).encode(), headers)
        with urllib.request.urlopen(asked, timeout=CALL_S) as answer:
            text = answer.read()
    except OSError:
        return None
    return json.loads(text) if text else None
