#!/usr/bin/python
"""Jobs as their files say: submitted where that changes anything, then waited for until every instance is healthy."""

import json
import time
import urllib.parse
from typing import Any

from ansible.module_utils.agent_http import NOT_FOUND, Nomad, Refused
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: nomad_jobs
short_description: Submit jobs to Nomad and wait until they are healthy
description:
  - Nomad itself parses each file and says what would change; a job that would not is left alone.
  - All are submitted at once, then waited for; one that fails ends the wait with the reason.
author: hoploom
options:
  url:
    description: HTTP address of a server.
    type: str
    default: http://127.0.0.1:4646
  token:
    description: Secret of a token that may submit jobs.
    type: str
    required: true
  jobs:
    description: Jobs, each with name, text (of its file) and variables.
    type: list
    elements: dict
    required: true
  nodes:
    description: Names of the nodes that have to be ready first.
    type: list
    elements: str
    default: []
  wait_s:
    description: Seconds until all have to be healthy.
    type: int
    default: 300
"""

_PAUSE_S = 0.5
_TRIED = "tried_again"
_WRONG = ("Driver Failure", "Terminated", "Setup Failure", "Failed Artifact Download", "Failed Validation")


class Jobs(Nomad):
    """A server that is asked for what may not be there."""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call; None where there is no such thing."""
        try:
            return super().call(method, path, body)
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
            return None


def as_hcl(variables: dict[str, Any]) -> str:
    """A file of variables: JSON's values are HCL's, but for what looks like a template."""
    return "".join(f"{name} = {json.dumps(value).replace('${', '$${').replace('%{', '%%{')}\n"
                   for name, value in variables.items())


def parsed(nomad: Nomad, given: dict[str, Any]) -> dict[str, Any]:
    """The job of a file; raises Refused with the file's name and Nomad's reason."""
    body = {"JobHCL": given["text"], "Variables": as_hcl(given["variables"]), "Canonicalize": True}
    try:
        job: dict[str, Any] = nomad.call("POST", "/v1/jobs/parse", body)
    except Refused as refused:
        raise Refused(f"nomad/{given['name']}.nomad.hcl: {refused}") from refused
    return job


def path_of(job: dict[str, Any]) -> str:
    """The job's address in the API."""
    return f"/v1/job/{urllib.parse.quote(job['ID'], safe='')}"


def planned(nomad: Nomad, job: dict[str, Any]) -> dict[str, Any]:
    """What submitting the job would change."""
    found: dict[str, Any] = nomad.call("PUT", f"{path_of(job)}/plan", {"Job": job, "Diff": True})
    return found


def again(nomad: Nomad, job: dict[str, Any]) -> dict[str, Any]:
    """The job, made another one where the same has failed before: Nomad would not try what it knows to fail.

    What makes it another one is kept from then on, so that a later run finds nothing to change.
    """
    now = nomad.call("GET", path_of(job))
    if not now:
        return job
    deployment = nomad.call("GET", f"{path_of(job)}/deployment") or {}
    tried = (now.get("Meta") or {}).get(_TRIED)
    if deployment.get("Status") == "failed" and deployment["JobVersion"] == now["Version"]:
        tried = str(int(time.time()))
    return {**job, "Meta": {**(job.get("Meta") or {}), _TRIED: tried}} if tried else job


def differs(plan: dict[str, Any]) -> bool:
    """Whether it would change anything."""
    return bool(plan["Diff"]["Type"] != "None")


def lines(diff: Any, indent: str = "") -> list[str]:
    """A plan's differences, a line each."""
    found: list[str] = []
    for part in diff if isinstance(diff, list) else [diff]:
        if part.get("Type") in (None, "None"):
            continue
        name = part.get("Name") or part.get("ID") or ""
        change = f": {part['Old']!r} -> {part['New']!r}" if "Old" in part and "New" in part else ""
        found.append(f"{indent}{part['Type']} {name}{change}")
        for deeper in ("Fields", "Objects", "TaskGroups", "Tasks"):
            found += lines(part.get(deeper) or [], indent + "  ")
    return found


def complaint(nomad: Nomad, job: dict[str, Any]) -> str:
    """The last thing that went wrong with an instance of this job."""
    found: list[tuple[int, str]] = []
    for each in nomad.call("GET", f"{path_of(job)}/allocations") or []:
        for state in (each.get("TaskStates") or {}).values():
            found += [(event.get("Time", 0), f"on {each['NodeName']}: {event.get('DisplayMessage')}")
                      for event in state.get("Events") or [] if event.get("Type") in _WRONG]
    return max(found)[1] if found else "no instance says why"


def waits_for(nomad: Nomad, job: dict[str, Any]) -> str:
    """What is still missing until the job is healthy; empty when nothing is.

    Raises:
        Refused: Its deployment has failed.
    """
    now = nomad.call("GET", path_of(job))
    deployment = nomad.call("GET", f"{path_of(job)}/deployment")
    if deployment and deployment["JobVersion"] == now["Version"]:
        if deployment["Status"] in ("failed", "cancelled"):
            raise Refused(f"{job['ID']}: {deployment['StatusDescription']}; {complaint(nomad, job)}")
        if deployment["Status"] != "successful":
            return f"{job['ID']}: its deployment is {deployment['Status']}; {complaint(nomad, job)}"
    if job.get("Periodic"):
        return ""
    return unplaced(nomad, job)


def unplaced(nomad: Nomad, job: dict[str, Any]) -> str:
    """Which instances of a job do not run yet."""
    summary = (nomad.call("GET", f"{path_of(job)}/summary") or {}).get("Summary") or {}
    for group in job["TaskGroups"]:
        count = summary.get(group["Name"], {})
        wanted = 1 if job["Type"] == "system" else group["Count"]
        if count.get("Queued") or count.get("Starting") or count.get("Running", 0) < wanted:
            return f"{job['ID']}: {count.get('Running', 0)} of {wanted} run; {complaint(nomad, job)}"
    return ""


def until_nodes(nomad: Nomad, names: list[str], end: float) -> None:
    """Wait for these nodes to be ready."""
    lacking = names
    while lacking:
        ready = {each["Name"] for each in nomad.call("GET", "/v1/nodes") if each["Status"] == "ready"}
        lacking = sorted(set(names) - ready)
        if lacking and time.monotonic() > end:
            raise Refused(f"Nomad's clients on {', '.join(lacking)} are not ready")
        time.sleep(_PAUSE_S if lacking else 0)


def until_healthy(nomad: Nomad, jobs: list[dict[str, Any]], end: float) -> None:
    """Wait for every job."""
    missing = jobs
    while missing:
        said = {job["ID"]: waits_for(nomad, job) for job in missing}
        missing = [job for job in missing if said[job["ID"]]]
        if missing and time.monotonic() > end:
            raise Refused("not healthy in time: " + "; ".join(text for text in said.values() if text))
        time.sleep(_PAUSE_S if missing else 0)


def run(module: AnsibleModule) -> dict[str, Any]:
    """Look, submit, wait."""
    given = module.params
    nomad = Jobs(given["url"], given["token"])
    if module.check_mode and not answers(nomad):
        return {"changed": True, "diff": {"before": "", "after": "all jobs would be submitted\n"}}
    end = time.monotonic() + given["wait_s"]
    if not module.check_mode:
        until_nodes(nomad, given["nodes"], end)
    jobs = [again(nomad, parsed(nomad, each)) for each in given["jobs"]]
    plans = {job["ID"]: planned(nomad, job) for job in jobs}
    changed = [job for job in jobs if differs(plans[job["ID"]])]
    after = [line for job in changed for line in lines(plans[job["ID"]]["Diff"])]
    if not module.check_mode:
        for job in changed:
            index = plans[job["ID"]]["JobModifyIndex"]
            nomad.call("PUT", "/v1/jobs", {"Job": job, "EnforceIndex": True, "JobModifyIndex": index})
        until_healthy(nomad, jobs, end)
    diff = {"before": "", "after": "".join(f"{line}\n" for line in after)} if after else {}
    return {"changed": bool(changed), "submitted": [job["ID"] for job in changed], "diff": diff}


def answers(nomad: Nomad) -> bool:
    """Whether Nomad is there and knows our token."""
    try:
        return nomad.call("GET", "/v1/acl/token/self") is not None
    except (OSError, Refused):
        return False


def main() -> None:
    """Ansible's entry point."""
    spec = {
        "url": {"type": "str", "default": "http://127.0.0.1:4646"},
        "token": {"type": "str", "required": True, "no_log": True},
        "jobs": {"type": "list", "elements": "dict", "required": True},
        "nodes": {"type": "list", "elements": "str", "default": []},
        "wait_s": {"type": "int", "default": 300},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        module.exit_json(**run(module))
    except (OSError, Refused) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
