"""The mesh's Nomad, its own or somebody else's: ACLs bootstrapped where it is its own, jobs submitted and stopped."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.http_client import Answer, HttpClient
from hoploom.local import submission
from hoploom.local.attached import Attached
from hoploom.local.until import until

START_TIMEOUT_S = 40.0
_NOT_FOUND = 404
JOBS = ("input", "output", "manager", "ping")


def agent_values(rpc_port: int) -> dict[str, Any]:
    """What nomad/server.hcl.j2 and nomad/client.hcl.j2 name, for agents that are alone and on loopback."""
    return {
        "address": "127.0.0.1",
        "interface": "lo",
        "nomad_servers": [f"127.0.0.1:{rpc_port}"],
        "servers_expected": 1,
        "gossip_key": "",
        "tls": None,
        "raw_exec": True,
    }


class NomadAdmin:
    """What `up` and `down` ask of the Nomad server; `ready` as its owner."""

    def __init__(self, http: HttpClient, url: str, token: str, attached: Attached) -> None:
        """Speak to the server with the management token, or with the one that a person gave."""
        self._http, self._token, self._attached = http, token, attached
        self.url = url

    async def call(self, method: str, path: str, body: Any = None) -> Answer:
        """One call of the HTTP API; raises Unavailable when it does not answer."""
        return await self._http.request(
            method, self.url + path, json=body, headers={"X-Nomad-Token": self._token}, timeout_s=10.0
        )

    async def ready(self) -> None:
        """Wait for a leader, and make our token the management token where there is none yet."""
        await until("a Nomad leader", self._has_leader, START_TIMEOUT_S, "see `logs nomad-server`")
        await until("Nomad's access control", self._bootstrapped, START_TIMEOUT_S, "see `logs nomad-server`")

    async def _has_leader(self) -> bool:
        answer = await self.call("GET", "/v1/status/leader")
        return answer.ok and bool(answer.json())

    async def _bootstrapped(self) -> bool:
        if (await self.call("GET", "/v1/acl/token/self")).ok:
            return True
        await self.call("POST", "/v1/acl/bootstrap", {"BootstrapSecret": self._token})
        return (await self.call("GET", "/v1/acl/token/self")).ok

    async def node_ready(self) -> None:
        """Wait until a client is there to place tasks on."""
        await until("a ready Nomad client", self._node_is_ready, START_TIMEOUT_S, "see `logs nomad-client`")

    async def _node_is_ready(self) -> bool:
        return any(
            node["Status"] == "ready" and node["SchedulingEligibility"] == "eligible" for node in await self._nodes()
        )

    async def _nodes(self) -> list[dict[str, Any]]:
        answer = await self.call("GET", "/v1/nodes")
        if not answer.ok:
            raise Unavailable(answer.reason())
        found: list[dict[str, Any]] = answer.json()
        return found

    async def run(self, job: Path, variables: Mapping[str, str]) -> str:
        """Submit a job file, without waiting for its deployment; the job's id.

        Raises:
            ConfigError: Nomad refuses it; the reason is Nomad's.
        """
        text = await asyncio.to_thread(job.read_text, encoding="utf-8")
        told = {"JobHCL": text, "Canonicalize": False, "Variables": submission.as_hcl(variables)}
        parsed = await self._must(job.name, "/v1/jobs/parse", told)
        placed = submission.placed(parsed, self._attached)
        await self._must_be_ours(placed["ID"])
        source = {"Source": text, "Format": "hcl2", "VariableFlags": dict(variables)}
        await self._must(job.name, "/v1/jobs", {"Job": placed, "Submission": source})
        return str(placed["ID"])

    async def deployed(self, job: str, ours: str) -> dict[str, str]:
        """What `hoploom deploy` has told a job that runs: its version and archive; nothing where that is `ours`."""
        answer = await self.call("GET", self._path(job))
        if not answer.ok or answer.json().get("Stop"):
            return {}
        kept = await self.call("GET", f"{self._path(job)}/submission?version={answer.json()['Version']}")
        flags: dict[str, str] = kept.json().get("VariableFlags") or {} if kept.ok else {}
        return submission.deployed(flags, ours)

    async def _must(self, what: str, path: str, body: Any) -> dict[str, Any]:
        answer = await self.call("POST", path, body)
        if not answer.ok:
            raise ConfigError(f"Nomad refuses {what}: {answer.reason()}")
        found: dict[str, Any] = answer.json()
        return found

    async def _must_be_ours(self, job_id: str) -> None:
        """Raises ConfigError where a stranger's Nomad has a job of that name that this mesh did not submit."""
        if not self._attached.nomad:
            return
        answer = await self.call("GET", f"/v1/job/{job_id}")
        if answer.ok and (answer.json().get("Meta") or {}).get(submission.MARK) != self._attached.id:
            where = f"Nomad at {self.url} has a job {job_id} of somebody else's"
            raise ConfigError(f"{where}: take another name by --prefix")

    def _path(self, job: str) -> str:
        return f"/v1/job/{submission.job_id(self._attached, job)}"

    async def stop(self, job: str) -> None:
        """Stop and forget a job; its tasks drain."""
        await self._must_be_ours(submission.job_id(self._attached, job))
        answer = await self.call("DELETE", f"{self._path(job)}?purge=true")
        if not answer.ok and answer.status != _NOT_FOUND:
            raise Unavailable(f"Nomad does not stop {job}: {answer.reason()}")

    async def running(self) -> list[str]:
        """Client status and task group of allocations that have not ended."""
        found = []
        for job in JOBS:
            answer = await self.call("GET", f"{self._path(job)}/allocations?all=true")
            if not answer.ok:
                raise Unavailable(f"Nomad does not say what of {job} runs: {answer.reason()}")
            rows = answer.json()
            found += [f"{job} {row['ClientStatus']}" for row in rows if row["ClientStatus"] in ("pending", "running")]
        return found

    async def complaints(self) -> list[str]:
        """Why allocations of ours failed, newest first, for a person."""
        words = []
        for job in JOBS:
            answer = await self.call("GET", f"{self._path(job)}/allocations")
            for row in answer.json() if answer.ok else []:
                words += [f"{job}: {event}" for event in _bad_events(row)]
            words += await self._unplaced(job)
        return words[:4]

    async def _unplaced(self, job: str) -> list[str]:
        """Why the scheduler found no place."""
        answer = await self.call("GET", f"{self._path(job)}/evaluations")
        words = []
        for each in answer.json() if answer.ok else []:
            for failed in (each.get("FailedTGAllocs") or {}).values():
                reasons = {**(failed.get("ConstraintFiltered") or {}), **(failed.get("DimensionExhausted") or {})}
                words.append(f"{job}: no place on this host ({', '.join(reasons) or 'no client fits'})")
        return words[:1]

    async def one_time_token(self) -> str:
        """A token that opens Nomad's UI signed in, once."""
        answer = await self.call("POST", "/v1/acl/token/onetime")
        if not answer.ok:
            raise Unavailable(answer.reason())
        return str(answer.json()["OneTimeToken"]["OneTimeSecretID"])


def _bad_events(allocation: Mapping[str, Any]) -> list[str]:
    words = []
    for state in (allocation.get("TaskStates") or {}).values():
        for event in state.get("Events") or []:
            if event.get("FailsTask") or event.get("Type") in ("Driver Failure", "Terminated", "Setup Failure"):
                text = event.get("DisplayMessage") or event.get("Type")
                if "Exit Code: 0" not in text:
                    words.append(str(text))
    return words
