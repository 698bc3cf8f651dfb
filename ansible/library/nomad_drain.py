#!/usr/bin/python
"""Takes every task off this host's Nomad client, or lets it have tasks again."""

import time
from typing import Any

from ansible.module_utils.agent_http import Nomad, Refused
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: nomad_drain
short_description: Drain this host's Nomad client, or open it again
description:
  - Asks the server (by url) about the node that has this name, drains it, and returns when none of its tasks runs.
author: hoploom
options:
  url:
    description: HTTP address of an agent that answers for the whole region.
    type: str
    default: http://127.0.0.1:4646
  token:
    description: Secret that may change nodes.
    type: str
    required: true
  node:
    description: Name of the node.
    type: str
    required: true
  state:
    description: Drained (no task runs there), open (eligible again), or gone (Nomad forgets the node).
    type: str
    choices: [drained, open, gone]
    required: true
  deadline_s:
    description: Seconds after which tasks are stopped even where no other host takes them.
    type: int
    default: 60
"""

_GRACE_S, _PAUSE_S = 45, 0.5
_RUNS = ("running", "pending")


class Nodes(Nomad):
    """A server that is asked about nodes."""

    def node(self, name: str) -> dict[str, Any] | None:
        """The newest node of this name."""
        found = [each for each in self.call("GET", "/v1/nodes") if each["Name"] == name]
        return max(found, key=lambda each: each["ModifyIndex"]) if found else None

    def running(self, node: str) -> list[str]:
        """Jobs that still have a task on a node."""
        found = self.call("GET", f"/v1/node/{node}/allocations")
        return sorted({each["JobID"] for each in found if each["ClientStatus"] in _RUNS})


def drain(nomad: Nodes, node: str, deadline_s: int) -> list[str]:
    """Drain, and wait; the jobs that are still there when time is up."""
    spec = {"Deadline": deadline_s * 10**9, "IgnoreSystemJobs": False}
    nomad.call("POST", f"/v1/node/{node}/drain", {"DrainSpec": spec, "MarkEligible": False})
    end = time.monotonic() + deadline_s + _GRACE_S
    while (left := nomad.running(node)) and time.monotonic() < end:
        time.sleep(_PAUSE_S)
    return left


def run(module: AnsibleModule, nomad: Nodes) -> bool:
    """Whether anything was changed."""
    given = module.params
    node = nomad.node(given["node"])
    if node is None:
        return False
    eligible = node["SchedulingEligibility"] == "eligible"
    differs = {"drained": eligible or bool(nomad.running(node["ID"])), "open": not eligible, "gone": True}
    changed = differs[given["state"]]
    if module.check_mode or not changed:
        return changed
    if given["state"] == "open":
        nomad.call("POST", f"/v1/node/{node['ID']}/drain", {"DrainSpec": None, "MarkEligible": True})
    elif given["state"] == "gone":
        nomad.call("POST", f"/v1/node/{node['ID']}/purge")
    elif left := drain(nomad, node["ID"], given["deadline_s"]):
        module.fail_json(msg=f"{given['node']}: {', '.join(left)} did not end; nothing more was done there")
    return changed


def main() -> None:
    """Ansible's entry point."""
    spec = {
        "url": {"type": "str", "default": "http://127.0.0.1:4646"},
        "token": {"type": "str", "required": True, "no_log": True},
        "node": {"type": "str", "required": True},
        "state": {"type": "str", "required": True, "choices": ["drained", "open", "gone"]},
        "deadline_s": {"type": "int", "default": 60},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        module.exit_json(changed=run(module, Nodes(module.params["url"], module.params["token"])))
    except Refused as refused:
        module.fail_json(msg=f"Nomad refuses: {refused}")
    except OSError as error:
        module.fail_json(msg=f"Nomad does not answer: {getattr(error, 'reason', error)}")


if __name__ == "__main__":
    main()
