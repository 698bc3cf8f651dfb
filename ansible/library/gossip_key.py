#!/usr/bin/python
"""Exchanges the gossip key of all agents while they run: the new one comes to all, is used, and only then others go."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any, NamedTuple

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: gossip_key
short_description: Make one key the only gossip key of all agents
description:
  - Asked of one server, in one datacenter; Consul's tells those of the others. No other key is removed before every
    agent that is there has this one.
author: hoploom
options:
  engine:
    description: Whose agents.
    type: str
    required: true
    choices: [consul, nomad]
  url:
    description: HTTP address of a server.
    type: str
    required: true
  token:
    description: Management token.
    type: str
    required: true
  key:
    description: The key that is to be the only one, 32 bytes in base64.
    type: str
    required: true
"""

CALL_S = 60
CONSUL = {"list": ("GET", ""), "install": ("POST", ""), "use": ("PUT", ""), "remove": ("DELETE", "")}
NOMAD = {"list": ("GET", "/list"), "install": ("PUT", "/install"), "use": ("PUT", "/use"), "remove": ("PUT", "/remove")}
CALLS = {"consul": ("/v1/operator/keyring", CONSUL), "nomad": ("/v1/agent/keyring", NOMAD)}
HEADERS = {"consul": "X-Consul-Token", "nomad": "X-Nomad-Token"}


class Ring(NamedTuple):
    """One pool of agents.

    Attributes:
        agents: How many answered for it.
        keys: How many of them have each key.
    """

    agents: int
    keys: dict[str, int]


def rings(answer: Any) -> list[Ring]:
    """The pools of an answer: Consul's is one for each datacenter and one between them, Nomad's one."""
    said = answer if isinstance(answer, list) else [answer]
    return [Ring(each["NumNodes"], each["Keys"] or {}) for each in said]


def lacking(found: Sequence[Ring], key: str) -> int:
    """How many agents do not have this key."""
    return sum(ring.agents - ring.keys.get(key, 0) for ring in found)


def others(found: Sequence[Ring], key: str) -> list[str]:
    """All keys but this one."""
    return sorted({each for ring in found for each in ring.keys} - {key})


def call(given: dict[str, str], what: str, key: str = "") -> Any:
    """One call; raises OSError where it fails."""
    base, calls = CALLS[given["engine"]]
    method, path = calls[what]
    data = json.dumps({"Key": key}).encode() if key else None
    headers = {HEADERS[given["engine"]]: given["token"]}
    request = urllib.request.Request(given["url"] + base + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=CALL_S) as answer:
        return json.loads(answer.read() or b"null")


def exchange(given: dict[str, str]) -> str:
    """Make the key the only one; what stood in the way, or nothing."""
    key = given["key"]
    call(given, "install", key)
    found = rings(call(given, "list"))
    if without := lacking(found, key):
        return f"{without} of {given['engine']}'s agents did not take the new key; nothing else was changed"
    call(given, "use", key)
    for each in others(found, key):
        call(given, "remove", each)
    return ""


def main() -> None:
    """Ansible's entry point."""
    spec = {
        "engine": {"type": "str", "required": True, "choices": ["consul", "nomad"]},
        "url": {"type": "str", "required": True},
        "token": {"type": "str", "required": True, "no_log": True},
        "key": {"type": "str", "required": True, "no_log": True},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    given = module.params
    try:
        found = rings(call(given, "list"))
        changed = bool(lacking(found, given["key"]) or others(found, given["key"]))
        if changed and not module.check_mode and (problem := exchange(given)):
            module.fail_json(msg=problem)
        module.exit_json(changed=changed)
    except urllib.error.HTTPError as error:
        said = error.read().decode("utf-8", "replace").strip()
        module.fail_json(msg=f"{given['engine']} answers {error.code}: {said}")
    except OSError as error:
        module.fail_json(msg=f"{given['engine']} does not answer: {getattr(error, 'reason', error)}")


if __name__ == "__main__":
    main()
