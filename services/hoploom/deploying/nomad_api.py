"""The Nomad adapter of deploys: the only way from here to Nomad's HTTP API (1.8 to 2.0).

* `Unavailable`: nobody answers, there is no leader, or Nomad answers 5xx for a reason of its own.
* `ConfigError`: Nomad refuses what was asked, with its own reason.
* `None` or an empty list: Nomad answered, and there is nothing.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from hoploom.deploying import job_records
from hoploom.deploying.job_records import Allocation, Deployment, Job
from hoploom.deploying.job_source import JobSource
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.http_client import Answer, HttpClient

TIMEOUT_S = 10.0
KEPT = "hoploom-before"
"""Tag of the version of a job that was the good one before the present one."""
_NOT_FOUND, _FORBIDDEN, _ANY_500 = 404, 403, 500
# Nomad says 500 for what it refuses, and as well where servers lost each other on the way: then nobody knows whether it
# was done. Each refusal of a server that another one asked begins with "rpc error", too.
_AWAY = re.compile(
    r"No cluster leader|leadership (lost|transfer)|not the leader|raft is already shutdown|timed out enqueuing|\bEOF$|"
    r"connection (reset|refused)|broken pipe|i/o timeout|failed to get conn|session shutdown|No path to region|"
    r"No servers",
    re.IGNORECASE,
)


class NomadApi:
    """What a deploy asks of Nomad."""

    def __init__(self, http: HttpClient, url: str, token: str = "", namespace: str = "default") -> None:
        """Ask one server or agent.

        Args:
            http: The pool to use.
            url: Its address, such as "http://127.0.0.1:4646".
            token: ACL token; empty sends none.
            namespace: Where the jobs are.
        """
        self._http, self.url, self._token, self._namespace = http, url.rstrip("/"), token, namespace

    async def job(self, job_id: str) -> Job | None:
        """A job as it stands."""
        found = await self._got(f"/v1/job/{_id(job_id)}")
        return None if found is None else job_records.job(found)

    async def names(self) -> dict[str, tuple[str, ...]]:
        """Ids of all jobs that are not stopped, each with the names of its groups."""
        found = await self._got("/v1/jobs") or []
        return {
            each["ID"]: tuple((each.get("JobSummary") or {}).get("Summary") or ())
            for each in found
            if not each.get("Stop")
        }

    async def versions(self, job_id: str) -> list[Job]:
        """The versions that Nomad keeps of a job, newest first."""
        found = await self._got(f"/v1/job/{_id(job_id)}/versions") or {}
        return [job_records.job(each) for each in found.get("Versions") or ()]

    async def source(self, job_id: str, number: int) -> JobSource | None:
        """What was submitted as that version; None where Nomad has not kept it."""
        found = await self._got(f"/v1/job/{_id(job_id)}/submission", version=str(number))
        return None if found is None else JobSource.of(found)

    async def job_of(self, allocation_id: str) -> str:
        """Id of the job of an allocation; empty where Nomad has no such one."""
        found = await self._got(f"/v1/allocation/{_id(allocation_id)}")
        return "" if found is None else str(found["JobID"])

    async def parsed(self, source: JobSource) -> dict[str, Any]:
        """The job that a source makes.

        Raises:
            ConfigError: It makes none, with the place and the reason.
        """
        body = {"JobHCL": source.text, "Canonicalize": True, "Variables": source.as_hcl()}
        found: dict[str, Any] = (await self._done("POST", "/v1/jobs/parse", body)).json()
        return found

    async def planned(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """What would come of submitting a job, with what differs from the present one; changes nothing."""
        path, body = f"/v1/job/{_id(str(job['ID']))}/plan", {"Job": job, "Diff": True}
        found: dict[str, Any] = (await self._done("PUT", path, body)).json()
        return found

    async def submit(self, job: Mapping[str, Any], source: JobSource, modify_index: int) -> None:
        """Submit a job, if it still is what it was at that index.

        Raises:
            ConfigError: Somebody has changed it since, or Nomad refuses it.
        """
        body = {
            "Job": job,
            "Submission": source.as_submission(),
            "EnforceIndex": True,
            "JobModifyIndex": modify_index,
        }
        await self._done("POST", "/v1/jobs", body)

    async def deployments(self, job_id: str) -> list[Deployment]:
        """The deployments of a job, newest first."""
        found = await self._got(f"/v1/job/{_id(job_id)}/deployments", all="true") or []
        return sorted((job_records.deployment(each) for each in found), key=lambda each: -each.number)

    async def promote(self, deployment: str) -> None:
        """Take the new instances for good; the old ones are stopped."""
        body = {"DeploymentID": deployment, "All": True}
        await self._done("POST", f"/v1/deployment/promote/{_id(deployment)}", body)

    async def fail(self, deployment: str) -> None:
        """Give a deployment up; Nomad goes back to the last stable version by itself."""
        await self._done("POST", f"/v1/deployment/fail/{_id(deployment)}", {})

    async def revert(self, job_id: str, number: int) -> None:
        """Make an earlier version the present one again."""
        body = {"JobID": job_id, "JobVersion": number}
        await self._done("POST", f"/v1/job/{_id(job_id)}/revert", body)

    async def keep(self, job_id: str, number: int) -> None:
        """Have Nomad (1.9 and later) keep a version of a job however many come after it, instead of the one before.

        Source: HashiCorp, "Jobs - HTTP API" (apply and unset a job version tag): a version with a tag is not collected.
        """
        path = f"/v1/job/{_id(job_id)}/versions/{KEPT}/tag"
        # A name is of one version; that none has it yet is no matter.
        await self._call("DELETE", path)
        said = {"Version": number, "Description": "what `hoploom deploy --rollback` goes back to"}
        await self._done("POST", path, said)

    async def allocations(self, job_id: str) -> list[Allocation]:
        """The allocations of all versions of a job."""
        found = await self._got(f"/v1/job/{_id(job_id)}/allocations", all="true") or []
        return [job_records.allocation(each) for each in found]

    async def _got(self, path: str, **params: str) -> Any:
        answer = await self._call("GET", path, params=params)
        if answer.status == _NOT_FOUND:
            return None
        return self._good("GET", path, answer).json()

    async def _done(self, method: str, path: str, body: Any) -> Answer:
        return self._good(method, path, await self._call(method, path, json=body))

    async def _call(self, method: str, path: str, **options: Any) -> Answer:
        params = {"namespace": self._namespace, **options.pop("params", {})}
        headers = {"X-Nomad-Token": self._token} if self._token else {}
        return await self._http.request(
            method, self.url + path, params=params, headers=headers, timeout_s=TIMEOUT_S, **options
        )

    def _good(self, method: str, path: str, answer: Answer) -> Answer:
        if answer.ok:
            return answer
        if answer.status == _FORBIDDEN:
            raise ConfigError(f"Nomad at {self.url} does not allow {method} {path}: give a token by NOMAD_TOKEN")
        reason = answer.reason()
        if answer.status >= _ANY_500 and _AWAY.search(reason):
            raise Unavailable(f"Nomad at {self.url} has no leader now, or its servers have lost each other: {reason}")
        raise ConfigError(f"Nomad refuses: {reason}")


def _id(text: str) -> str:
    return quote(text, safe="")
