#!/usr/bin/python
"""Prepared queries of one datacenter, as they shall be."""

from typing import Any

from ansible.module_utils.agent_http import Refused
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.consul_http import Consul, reachable

DOCUMENTATION = """
module: consul_queries
short_description: Keep Consul's prepared queries
description:
  - Makes those that are missing and renews those that say something else; others are left alone.
author: hoploom
options:
  url:
    description: HTTP address of an agent in the datacenter.
    type: str
    default: http://127.0.0.1:8500
  token:
    description: Secret of a token that may write queries.
    type: str
    required: true
  queries:
    description: Bodies of the queries, each with a Name.
    type: list
    elements: dict
    required: true
"""


def holds(there: Any, wanted: Any) -> bool:
    """Whether all that is wanted is so; Consul adds its own defaults."""
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(holds(there.get(name), each) for name, each in wanted.items())
    return bool(there == wanted)


def run(module: AnsibleModule) -> dict[str, Any]:
    """Look, and write what differs."""
    consul = Consul(module.params["url"], module.params["token"])
    if module.check_mode and not (reachable(consul) and consul.knows_us()):
        return {"changed": True}
    known = {each["Name"]: each for each in consul.call("GET", "/v1/query") or []}
    changed = [each for each in module.params["queries"] if not holds(known.get(each["Name"]), each)]
    for each in [] if module.check_mode else changed:
        there = known.get(each["Name"])
        consul.call(*(("PUT", f"/v1/query/{there['ID']}") if there else ("POST", "/v1/query")), each)
    after = "".join(f"{each['Name']}\n" for each in changed)
    return {"changed": bool(changed), "diff": {"before": "", "after": after} if after else {}}


def main() -> None:
    """Ansible's entry point."""
    spec = {
        "url": {"type": "str", "default": "http://127.0.0.1:8500"},
        "token": {"type": "str", "required": True, "no_log": True},
        "queries": {"type": "list", "elements": "dict", "required": True},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        module.exit_json(**run(module))
    except (OSError, Refused) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
