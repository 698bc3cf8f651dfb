"""What Consul itself says of a role: each count of its lock as it changes, and the effects that it took, in order."""

import base64
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from lab.history import OK, Recorder

RESOURCE = "kv"
_WAIT_S = 1
_AWAY_S = 0.05


class LockWatch:
    """Notes acquisitions until now (LockIndex) and the holder at each change of a lock, while entered as a context."""

    def __init__(self, url: str, lock: str, role: str, recorder: Recorder) -> None:
        """Watch nothing yet.

        Args:
            url: A Consul agent.
            lock: Key of the lock.
            role: Key of the events.
            recorder: Where they go; written by the watch's own thread alone.
        """
        self._url, self._role, self._recorder = f"{url}/v1/kv/{lock}", role, recorder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        index, said = 0, (-1, "")
        while not self._stop.is_set():
            found = self._look(index)
            if found is None:
                self._stop.wait(_AWAY_S)
                continue
            # As Consul's manual says of blocking queries: an index that falls begins anew.
            index, state = found[0] if found[0] >= index else 0, found[1]
            if state != said:
                self._recorder.note(OK, "lock", self._role, state)
                said = state

    def _look(self, index: int) -> tuple[int, tuple[int, str]] | None:
        """Index of the answer, acquisitions until now, and who holds the lock."""
        address = f"{self._url}?index={index}&wait={_WAIT_S}s"
        try:
            with urllib.request.urlopen(address, timeout=_WAIT_S + 4) as answer:
                entry = json.loads(answer.read())[0]
                return int(answer.headers["X-Consul-Index"]), (int(entry["LockIndex"]), entry.get("Session", ""))
        except (urllib.error.URLError, OSError):
            return None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()


def note_effects(raw: Callable[[str, str], Any], prefix: str, role: str, recorder: Recorder) -> bool:
    """Write the effects that Consul has into the history.

    Args:
        raw: Asks Consul: method and path.
        prefix: Above the keys of effects, one each.
        role: The role.
        recorder: Writes as `kv`.

    Returns:
        Whether there were any.
    """
    found = raw("GET", f"/v1/kv/{prefix}/{role}/?recurse&consistent") or []
    for item in found:
        effect = json.loads(base64.b64decode(item["Value"]))
        what = {"order": item["ModifyIndex"], "proc": effect["proc"], "boot": effect["boot"]}
        recorder.note(OK, "effect", role, what, effect["token"])
    return bool(found)
