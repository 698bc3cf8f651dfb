"""The calls of Nomad's API, against a server that answers as Nomad does."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.deploying.job_source import JobSource
from hoploom.deploying.nomad_api import NomadApi
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.http_client import HttpClient

JOB = {"ID": "a/b", "Type": "service", "Version": 2, "TaskGroups": []}


class Nomad:
    """What it was asked, and what it answers by path."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.tokens: set[str] = set()

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.raw_path.partition("?")[0], dict(request.query), body))
        self.tokens.add(request.headers.get("X-Nomad-Token", ""))
        answer = self.answers.get(request.path, (404, "not found"))
        if isinstance(answer, tuple):
            return web.Response(status=answer[0], text=answer[1])
        return web.json_response(answer)


@pytest.fixture
def nomad() -> Nomad:
    return Nomad()


@pytest.fixture
async def api(nomad: Nomad) -> AsyncIterator[NomadApi]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", nomad.answer)
    http = HttpClient()
    async with TestServer(app) as server:
        yield NomadApi(http, str(server.make_url("/")), "secret", "team")
        await http.close()


async def test_a_job_is_asked_for_in_its_namespace_with_the_token(api: NomadApi, nomad: Nomad) -> None:
    nomad.answers["/v1/job/a/b"] = JOB
    job = await api.job("a/b")
    assert job is not None and job.number == 2
    assert nomad.asked == [("GET", "/v1/job/a%2Fb", {"namespace": "team"}, None)] and nomad.tokens == {"secret"}


async def test_what_is_not_there_is_none_or_empty(api: NomadApi) -> None:
    assert await api.job("x") is None and await api.source("x", 1) is None and await api.job_of("x") == ""
    assert (await api.versions("x"), await api.deployments("x"), await api.allocations("x")) == ([], [], [])
    assert await api.names() == {}


async def test_jobs_that_are_stopped_are_no_candidates(api: NomadApi, nomad: Nomad) -> None:
    nomad.answers["/v1/jobs"] = [
        {"ID": "a", "JobSummary": {"Summary": {"g": {}, "h": {}}}},
        {"ID": "b", "Stop": True},
        {"ID": "c", "JobSummary": None},
    ]
    assert await api.names() == {"a": ("g", "h"), "c": ()}


async def test_a_version_is_kept_by_a_tag_that_another_one_had(api: NomadApi, nomad: Nomad) -> None:
    path = "/v1/job/a/b/versions/hoploom-before/tag"
    with pytest.raises(ConfigError):
        await api.keep("a/b", 3)
    nomad.answers[path] = {}
    await api.keep("a/b", 4)
    assert [(method, asked) for method, asked, *_ in nomad.asked] == [
        (each, path.replace("a/b", "a%2Fb")) for each in ("DELETE", "POST") * 2
    ]
    assert nomad.asked[-1][3]["Version"] == 4


async def test_it_is_submitted_only_unchanged(api: NomadApi, nomad: Nomad) -> None:
    nomad.answers["/v1/jobs"] = (500, "Enforcing job modify index 812: conflicting job modify index: 813")
    with pytest.raises(ConfigError, match="conflicting job modify index: 813"):
        await api.submit(JOB, JobSource("job", flags={"version": "1"}), 812)
    body = nomad.asked[0][3]
    assert (body["EnforceIndex"], body["JobModifyIndex"], body["Job"]) == (True, 812, JOB)
    assert body["Submission"] == {"Source": "job", "Format": "hcl2", "VariableFlags": {"version": "1"}}


async def test_a_job_file_is_parsed_and_planned(api: NomadApi, nomad: Nomad) -> None:
    nomad.answers |= {"/v1/jobs/parse": JOB, "/v1/job/a/b/plan": {"Diff": None}}
    assert await api.parsed(JobSource("job", flags={"version": "1"})) == JOB
    assert await api.planned(JOB) == {"Diff": None}
    assert nomad.asked[0][3] == {"JobHCL": "job", "Canonicalize": True, "Variables": 'version = "1"\n'}
    assert nomad.asked[1][3] == {"Job": JOB, "Diff": True}


async def test_deployments_come_newest_first(api: NomadApi, nomad: Nomad) -> None:
    found = [{"ID": str(number), "JobVersion": number, "Status": "failed"} for number in (1, 3, 2)]
    nomad.answers["/v1/job/a/deployments"] = found
    assert [each.number for each in await api.deployments("a")] == [3, 2, 1]


async def test_a_deployment_is_promoted_given_up_and_a_job_reverted(api: NomadApi, nomad: Nomad) -> None:
    nomad.answers |= {"/v1/deployment/promote/d": {}, "/v1/deployment/fail/d": {}, "/v1/job/a/revert": {}}
    await api.promote("d")
    await api.fail("d")
    await api.revert("a", 3)
    bodies = [each[3] for each in nomad.asked]
    assert bodies == [{"DeploymentID": "d", "All": True}, {}, {"JobID": "a", "JobVersion": 3}]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((403, "Permission denied"), ConfigError, "NOMAD_TOKEN"),
        ((500, "No cluster leader"), Unavailable, "no leader"),
        ((500, "rpc error: No cluster leader"), Unavailable, "no leader"),
        ((500, "leadership lost while committing log"), Unavailable, "leadership lost"),
        ((500, "rpc error: EOF"), Unavailable, "EOF"),
        ((500, "rpc error: failed to get conn: dial tcp: connect: connection refused"), Unavailable, "conn"),
        ((500, "rpc error: Enforcing job modify index 812: conflicting index"), ConfigError, "Enforcing"),
        ((500, "anything else"), ConfigError, "anything else"),
        ((400, "bad"), ConfigError, "Nomad refuses: bad"),
        ((503, "away"), Unavailable, "503"),
    ],
)
async def test_errors_are_said(api: NomadApi, nomad: Nomad, answer: Any, error: type[Exception], words: str) -> None:
    nomad.answers["/v1/job/a"] = answer
    with pytest.raises(error, match=words):
        await api.job("a")
