#!/usr/bin/python
"""Waits until a datacenter is well as this host sees it: servers of Consul and Nomad, nodes, checks, routes."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: mesh_health
short_description: Wait until the mesh is well
description:
  - Looks at the servers of Consul and of Nomad (autopilot), at critical checks, at Nomad's nodes and at what its jobs
    still wait for.
  - Ends when nothing is wrong twice in a row; fails with all that is wrong after wait_s.
author: hoploom
options:
  consul_token:
    description: Secret that may read operator, nodes and services; empty leaves Consul out.
    type: str
    default: ""
  nomad_token:
    description: Secret that may read operator, nodes and jobs; empty leaves Nomad out.
    type: str
    default: ""
  routers:
    description: Whether this host's Fabio must route to every healthy instance.
    type: bool
    default: false
  wait_s:
    description: Seconds until all has to be well.
    type: int
    default: 120
"""

CALL_S = 10
_PAUSE_S = 1.0
# One good look may fall between two bad ones.
_LOOKS = 2
_TAG = "urlprefix-"
_NOT_WELL = 429


class Refused(OSError):
    """An agent answers, and gives nothing."""


def ask(url: str, header: str = "", token: str = "") -> Any:
    """The JSON of an address, also where it says that not all is well; raises OSError where there is none."""
    request = urllib.request.Request(url, headers={header: token} if header else {})
    try:
        with urllib.request.urlopen(request, timeout=CALL_S) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        said = error.read()
        # Too many requests are 429 too, in plain words.
        if error.code == _NOT_WELL and said.startswith(b"{"):
            return json.loads(said)
        raise Refused(f"{url} answers {error.code} {said.decode('utf-8', 'replace').strip()}") from error


def server_problems(engine: str, base: str, header: str, token: str) -> list[str]:
    """Which servers of an engine are not healthy, or have no vote."""
    servers = ask(f"{base}/operator/autopilot/health", header, token)["Servers"]
    found = [f"{engine}'s server {each['Name']} is not healthy" for each in servers if not each["Healthy"]]
    # Whoever was away for some seconds was put out of the quorum, and is let in again ten seconds after its return: the
    # next server that is restarted before would leave too few.
    return found + [f"{engine}'s server {each['Name']} has no vote yet" for each in servers if not each["Voter"]]


def consul_problems(token: str) -> list[str]:
    """What is wrong with Consul's servers and with checks, in this datacenter."""
    base = "http://127.0.0.1:8500/v1"
    found = server_problems("Consul", base, "X-Consul-Token", token)
    # A machine in somebody else's network that is off stops nobody here.
    elsewhere = ask(f"{base}/catalog/nodes?node-meta=external-node:true", "X-Consul-Token", token)
    nodes = {each["Node"] for each in elsewhere or ()}
    for check in ask(f"{base}/health/state/critical", "X-Consul-Token", token):
        if check["Node"] in nodes:
            continue
        who = check["ServiceID"] or check["Node"]
        found.append(f"{who} on {check['Node']}: {check['Name']} is critical")
    return found


def nomad_problems(token: str) -> list[str]:
    """What is wrong with Nomad's servers, which of its nodes are away, and which instances of jobs do not run yet."""
    base = "http://127.0.0.1:4646/v1"
    found = server_problems("Nomad", base, "X-Nomad-Token", token)
    # A node that is drained on purpose is none of our business.
    nodes = ask(f"{base}/nodes", "X-Nomad-Token", token)
    found += [f"Nomad's node {each['Name']} is {each['Status']}" for each in nodes if each["Status"] != "ready"]
    for job in ask(f"{base}/jobs", "X-Nomad-Token", token):
        if job["Stop"] or job["Periodic"] or job["Type"] == "batch":
            continue
        for group, count in job["JobSummary"]["Summary"].items():
            waiting = count.get("Queued", 0) + count.get("Starting", 0)
            if waiting:
                found.append(f"{job['ID']}: {waiting} of {group} do not run yet")
    return found


def routing_problems(token: str) -> list[str]:
    """Healthy instances that this host's Fabio does not route to, and routes to nobody healthy."""
    base = "http://127.0.0.1:8500/v1"
    healthy = set()
    for name, tags in ask(f"{base}/catalog/services", "X-Consul-Token", token).items():
        if any(tag.startswith(_TAG) for tag in tags):
            for each in ask(f"{base}/health/service/{name}?passing=1", "X-Consul-Token", token):
                healthy.add(f"{each['Service']['Address'] or each['Node']['Address']}:{each['Service']['Port']}")
    table = ask("http://127.0.0.1:9998/api/routes") or []
    routed = {route["dst"].split("://")[-1].rstrip("/").replace("[", "").replace("]", "") for route in table}
    return [f"Fabio does not route to {each}" for each in sorted(healthy - routed)] + [
        f"Fabio routes to {each}, which is not healthy" for each in sorted(routed - healthy)
    ]


def problems(given: dict[str, Any]) -> list[str]:
    """Everything that is wrong now."""
    try:
        found = consul_problems(given["consul_token"]) if given["consul_token"] else []
        found += nomad_problems(given["nomad_token"]) if given["nomad_token"] else []
        return found + (routing_problems(given["consul_token"]) if given["routers"] else [])
    except Refused as error:
        return [str(error)]
    except OSError as error:
        return [f"an agent does not answer: {getattr(error, 'reason', error)}"]


def main() -> None:
    """Ansible's entry point."""
    spec = {
        "consul_token": {"type": "str", "default": "", "no_log": True},
        "nomad_token": {"type": "str", "default": "", "no_log": True},
        "routers": {"type": "bool", "default": False},
        "wait_s": {"type": "int", "default": 120},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    end = time.monotonic() + module.params["wait_s"]
    well = 0
    while well < _LOOKS:
        found = problems(module.params)
        well = 0 if found else well + 1
        if found and time.monotonic() > end:
            module.fail_json(msg=f"not well after {module.params['wait_s']} s: {'; '.join(found)}", problems=found)
        time.sleep(_PAUSE_S if well < _LOOKS else 0)
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
