#!/usr/bin/python
"""Puts a snapshot back into Consul or Nomad, and raises the mesh's epoch where that is asked for."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: snapshot_restore
short_description: Put a snapshot back into Consul or Nomad
description:
  - What was stored since the snapshot is gone afterwards.
  - The epoch becomes larger than it was before and than it is in the snapshot, so that no leader's word of the time
    between counts any more.
  - The next permanent number skips as many as nobody takes in the time between, for those are in results already.
author: hoploom
options:
  url:
    description: Address of the snapshot's endpoint.
    type: str
    required: true
  header:
    description: Header that carries the token.
    type: str
    required: true
  token:
    description: Management token.
    type: str
    required: true
  snapshot:
    description: The file.
    type: path
    required: true
  epoch_url:
    description: Address of the key that holds the epoch; empty for none.
    type: str
    default: ""
  numbers_url:
    description: Address of the key that holds the next permanent number; empty for none.
    type: str
    default: ""
  wait_s:
    description: Seconds until the restored state has to be readable.
    type: int
    default: 60
"""

CALL_S = 120
NOT_FOUND = 404
# More than a mesh takes between two backups; a datacenter has four thousand times as many.
NUMBERS_SKIPPED = 1_000_000
_PAUSE_S = 0.3


class Agent:
    """Calls with one token."""

    def __init__(self, header: str, token: str) -> None:
        """Remember who we are."""
        self._header, self._token = header, token

    def call(self, method: str, url: str, data: bytes | None = None) -> bytes:
        """One call; raises OSError where it fails."""
        headers = {self._header: self._token, "Content-Type": "application/octet-stream"}
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=CALL_S) as answer:
            return bytes(answer.read())

    def number(self, url: str) -> tuple[int, int]:
        """The number at a key and the index of its key; zeros where there is none."""
        try:
            [found] = json.loads(self.call("GET", f"{url}?consistent"))
        except urllib.error.HTTPError as error:
            if error.code == NOT_FOUND:
                return 0, 0
            raise
        return int(self.call("GET", f"{url}?raw&consistent") or b"0"), int(found["ModifyIndex"])


def last_known(agent: Agent, url: str) -> int:
    """The number before, or 0 where Consul is empty or cannot say: then the snapshot's is the newest that there is."""
    try:
        return agent.number(url)[0]
    except OSError:
        return 0


def raised(agent: Agent, url: str, before: int, end: float, step: int = 1) -> int:
    """Write a number above both; the one that was written."""
    while True:
        try:
            now, index = agent.number(url)
            wanted = max(before, now) + step
            if agent.call("PUT", f"{url}?cas={index}", str(wanted).encode()).strip() == b"true":
                return wanted
        except OSError:
            # Servers elect a leader first.
            if time.monotonic() > end:
                raise
        time.sleep(_PAUSE_S)


def run(given: dict[str, Any]) -> dict[str, Any]:
    """Restore, then raise."""
    agent = Agent(given["header"], given["token"])
    before = last_known(agent, given["epoch_url"]) if given["epoch_url"] else 0
    agent.call("PUT", given["url"], Path(given["snapshot"]).read_bytes())
    end = time.monotonic() + given["wait_s"]
    epoch = raised(agent, given["epoch_url"], before, end) if given["epoch_url"] else None
    # Where none was taken, the services know where to begin.
    if given["numbers_url"] and (taken := agent.number(given["numbers_url"])[0]):
        raised(agent, given["numbers_url"], taken, end, NUMBERS_SKIPPED)
    return {"changed": True, "epoch": epoch}


def main() -> None:
    """Ansible's entry point."""
    needed = {name: {"type": "str", "required": True} for name in ("url", "header")}
    spec = {
        **needed,
        "token": {"type": "str", "required": True, "no_log": True},
        "snapshot": {"type": "path", "required": True},
        "epoch_url": {"type": "str", "default": ""},
        "numbers_url": {"type": "str", "default": ""},
        "wait_s": {"type": "int", "default": 60},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=True)
    try:
        module.exit_json(**run(module.params))
    except urllib.error.HTTPError as error:
        module.fail_json(msg=f"{error.url} answers {error.code}: {error.read().decode('utf-8', 'replace').strip()}")
    except OSError as error:
        module.fail_json(msg=f"{module.params['url']}: {getattr(error, 'reason', error)}")


if __name__ == "__main__":
    main()
