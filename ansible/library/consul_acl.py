#!/usr/bin/python
"""Consul's access control as it shall be: bootstrapped with our own secret, policies, and a token for each service."""

import re
import time
from typing import Any

from ansible.module_utils.agent_http import FORBIDDEN, Refused
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.consul_http import Consul, reachable, until_leader

DOCUMENTATION = """
module: consul_acl
short_description: Bootstrap Consul's ACLs, and keep policies and tokens
description:
  - Bootstraps with a secret of ours; where that was done already (Consul answers 403) it goes on.
  - Tokens of ours, by their description C(hoploom SERVICE on HOST), that are not wanted any more are removed.
author: hoploom
options:
  url:
    description: HTTP address of an agent in the primary datacenter.
    type: str
    default: http://127.0.0.1:8500
  management_token:
    description: Secret of the management token.
    type: str
    required: true
  policies:
    description: Rules by the name of the policy.
    type: dict
    required: true
  tokens:
    description: Tokens; each has accessor, secret, description, policies (names), node (name and datacenter) or none.
    type: list
    elements: dict
    required: true
  wait_s:
    description: Seconds to wait for a leader.
    type: int
    default: 60
"""

_OURS = re.compile(r"hoploom \S+ on \S+")


def bootstrap(consul: Consul, secret: str, wait_s: int) -> bool:
    """Make our secret the management token; False when it is already."""
    end = time.monotonic() + wait_s
    while not consul.knows_us():
        try:
            consul.call("PUT", "/v1/acl/bootstrap", {"BootstrapSecret": secret})
            return True
        except Refused as refused:
            if refused.status == FORBIDDEN and not consul.knows_us():
                raise Refused("Consul's ACLs were bootstrapped with another management token than the Vault "
                              "file's: bring that one back, or reset the ACLs as Consul's documentation says") from None
            if refused.status != FORBIDDEN and time.monotonic() > end:
                raise
            time.sleep(0.3)
    return False


class Plan:
    """What has to be done, each step with a line for a person."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.lines: list[str] = []
        self.steps: list[tuple[str, str, Any]] = []

    def add(self, line: str, method: str, path: str, body: Any = None) -> None:
        """One more step."""
        self.lines.append(line)
        self.steps.append((method, path, body))


def plan_policies(consul: Consul, wanted: dict[str, str], plan: Plan) -> None:
    """Policies that are missing or say something else."""
    known = {each["Name"]: each["ID"] for each in consul.call("GET", "/v1/acl/policies")}
    for name, rules in wanted.items():
        body = {"Name": name, "Rules": rules}
        if name not in known:
            plan.add(f"policy {name}: made", "PUT", "/v1/acl/policy", body)
        elif consul.call("GET", f"/v1/acl/policy/{known[name]}")["Rules"] != rules:
            plan.add(f"policy {name}: other rules", "PUT", f"/v1/acl/policy/{known[name]}", body)


def as_consul(token: dict[str, Any]) -> dict[str, Any]:
    """The body with which Consul makes this token."""
    node = token.get("node")
    identities = [{"NodeName": node["name"], "Datacenter": node["datacenter"]}] if node else []
    return {
        "AccessorID": token["accessor"],
        "SecretID": token["secret"],
        "Description": token["description"],
        "Policies": [{"Name": name} for name in token["policies"]],
        "NodeIdentities": identities,
    }


def looks(token: dict[str, Any]) -> Any:
    """What must be the same of a token that is wanted and one that is there."""
    policies = sorted(each["Name"] for each in token.get("Policies") or [])
    nodes = sorted((each["NodeName"], each["Datacenter"]) for each in token.get("NodeIdentities") or [])
    return policies, nodes, token.get("Description", "")


def plan_tokens(consul: Consul, wanted: list[dict[str, Any]], plan: Plan) -> None:
    """Tokens that are missing, allow something else, or are ours and not wanted any more."""
    known = {each["AccessorID"]: each for each in consul.call("GET", "/v1/acl/tokens")}
    for each in map(as_consul, wanted):
        accessor = each["AccessorID"]
        there = known.pop(accessor, None)
        if there and there.get("SecretID", each["SecretID"]) != each["SecretID"]:
            plan.add(f"token {each['Description']}: another secret", "DELETE", f"/v1/acl/token/{accessor}")
            there = None
        if there is None:
            plan.add(f"token {each['Description']}: made", "PUT", "/v1/acl/token", each)
        elif looks(there) != looks(each):
            plan.add(f"token {each['Description']}: other rights", "PUT", f"/v1/acl/token/{accessor}", each)
    for accessor, there in known.items():
        if _OURS.fullmatch(there.get("Description", "")):
            plan.add(f"token {there['Description']}: removed", "DELETE", f"/v1/acl/token/{accessor}")


def run(module: AnsibleModule) -> dict[str, Any]:
    """Look, plan, and do it."""
    given = module.params
    consul = Consul(given["url"], given["management_token"])
    if module.check_mode and not reachable(consul):
        return {"changed": True, "diff": {"before": "", "after": "access control would be set up\n"}}
    until_leader(consul, given["wait_s"])
    if module.check_mode and not consul.knows_us():
        return {"changed": True, "diff": {"before": "", "after": "access control would be bootstrapped\n"}}
    is_new = bootstrap(consul, given["management_token"], given["wait_s"])
    plan = Plan()
    plan_policies(consul, given["policies"], plan)
    plan_tokens(consul, given["tokens"], plan)
    if not module.check_mode:
        for method, path, body in plan.steps:
            consul.call(method, path, body)
    after = "".join(f"{line}\n" for line in plan.lines)
    return {"changed": is_new or bool(plan.steps), "diff": {"before": "", "after": after} if after else {}}


def main() -> None:
    """Ansible's entry point."""
    spec = {
        "url": {"type": "str", "default": "http://127.0.0.1:8500"},
        "management_token": {"type": "str", "required": True, "no_log": True},
        "policies": {"type": "dict", "required": True},
        "tokens": {"type": "list", "elements": "dict", "required": True, "no_log": True},
        "wait_s": {"type": "int", "default": 60},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        module.exit_json(**run(module))
    except (OSError, Refused) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
