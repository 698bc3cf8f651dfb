"""When all instances of a submitted job are there, and what is said where they are not."""

from dataclasses import replace
from typing import Any

import pytest

from hoploom.deploying import arriving
from hoploom.deploying.happenings import Tell
from hoploom.deploying.job_records import Allocation, Deployment, Job, Update
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.http_client import HttpClient

JOB = Job("shop", "service", 4, 812, False, False, ("dc1",), (Update("orders", 2, 0, 60.0),), "1.4.1")
OPEN = Deployment("d", 4, "running", "", promoted=True)


def allocation(name: str, number: int = 4, healthy: bool | None = True) -> Allocation:
    return Allocation(name, number, "deb01", "running", "run", healthy, "")


class Nomad:
    """Says what it is told to, one look after another; the last again and again."""

    def __init__(self, *looks: list[Allocation], job: Job = JOB, deployment: Deployment | None = OPEN) -> None:
        self._looks, self._job, self._deployment = list(looks), job, deployment

    async def job(self, job_id: str) -> Job:
        return self._job

    async def deployments(self, job_id: str) -> list[Deployment]:
        return [self._deployment] if self._deployment else []

    async def allocations(self, job_id: str) -> list[Allocation]:
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]


async def arrived(nomad: Any, consul: FakeConsul, most_s: float = 0.05) -> tuple[str, list[str]]:
    told, http = list[Tell](), HttpClient()

    async def routers(dc: str) -> list[Any]:
        return []

    try:
        why = await arriving.arrived(arriving.Mesh(nomad, consul, http, routers), "shop", most_s, told.append)
    finally:
        await http.close()
    return why, [each.facts["id"] for each in told]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "LOOK_EVERY_S", 0.001)


@pytest.fixture
async def consul(fake_consul: FakeConsul) -> FakeConsul:
    for name in "ab":
        await fake_consul.register({"ID": f"orders-{name}", "Name": "orders", "Address": "127.0.0.1", "Port": 80,
                                    "Tags": ["1.4.1"], "Meta": {"version": "1.4.1", "allocation": name},
                                    "Checks": [{"CheckID": name, "Name": "ready", "Status": "passing"}]})  # fmt: skip
    return fake_consul


async def test_it_is_waited_for_until_all_are_up_and_each_is_told_once(consul: FakeConsul) -> None:
    both = [allocation("a"), allocation("b")]
    nomad = Nomad([allocation("a", 3)], [allocation("a"), allocation("b", healthy=None)], both)
    assert await arrived(nomad, consul, 5.0) == ("", ["orders-a", "orders-b"])


async def test_what_does_not_come_is_said_in_its_own_words(consul: FakeConsul) -> None:
    consul.set_check("orders-b", "ready", "critical", "the database is away")
    why, told = await arrived(Nomad([allocation("a"), allocation("b")]), consul)
    assert told == ["orders-a"]
    assert why == "1 of 2 instances are up: orders-b says ready: the database is away after 0.05 s"


async def test_what_nomad_gave_up_is_not_waited_for(consul: FakeConsul) -> None:
    given_up = replace(OPEN, status="failed", words="unhealthy allocations")
    why, _ = await arrived(Nomad([allocation("a")], deployment=given_up), consul, 600.0)
    assert why == "1 of 2 instances are up; Nomad gave it up: unhealthy allocations"


async def test_without_a_deployment_whatever_runs_is_healthy(consul: FakeConsul) -> None:
    every = replace(JOB, kind="system", updates=(Update("orders", 1, 0, 60.0),))
    looks = [allocation("a", healthy=None), allocation("b", healthy=None)]
    assert await arrived(Nomad(looks, job=every, deployment=None), consul) == ("", ["orders-a", "orders-b"])


async def test_a_group_that_registers_nothing_is_up_when_nomad_says_so(fake_consul: FakeConsul) -> None:
    why, told = await arrived(Nomad([allocation("abcdefgh1"), allocation("b")]), fake_consul)
    assert (why, told) == ("", ["allocation abcdefgh", "allocation b"])


async def test_a_batch_job_has_nothing_to_wait_for(fake_consul: FakeConsul) -> None:
    assert await arrived(Nomad([], job=replace(JOB, kind="batch")), fake_consul) == ("", [])


async def test_a_nomad_that_does_not_answer_is_waited_for_and_not_for_ever(fake_consul: FakeConsul) -> None:
    class Away(Nomad):
        async def job(self, job_id: str) -> Job:
            raise Unavailable("Nomad has no leader now")

    assert await arrived(Away([]), fake_consul) == ("Nomad has no leader now after 0.05 s", [])
