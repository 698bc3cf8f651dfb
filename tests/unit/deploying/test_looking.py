"""What is seen of a service: whose instances count, and when one is up."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from hoploom.deploying import looking
from hoploom.deploying.job_records import Allocation, Deployment, Job
from hoploom.deploying.looking import Looker
from hoploom.deploying.nomad_api import NomadApi
from hoploom.kit.errors import Unavailable
from hoploom.kit.fabio_api import Router
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.http_client import HttpClient

BEFORE = Job("orders", "service", 3, 812, True, False, ("dc1",), (), "1.4.0")
AFTER = Job("orders", "service", 4, 813, False, False, ("dc1",), (), "1.4.1")


def allocation(name: str, number: int = 3, status: str = "running", **changes: object) -> Allocation:
    said = {"node": "deb01", "wanted": "run", "healthy": True, "words": "", **changes}
    return Allocation(name, number, status=status, **said)  # type: ignore[arg-type]


class Nomad(NomadApi):
    """Knows one job."""

    def __init__(self, *allocations: Allocation) -> None:
        super().__init__(HttpClient(), "http://127.0.0.1:1")
        self.history, self._allocations = [AFTER, BEFORE], list(allocations)

    async def versions(self, job_id: str) -> list[Job]:
        return self.history

    async def allocations(self, job_id: str) -> list[Allocation]:
        return self._allocations

    async def deployments(self, job_id: str) -> list[Deployment]:
        return [Deployment("d", number, "running", "", False) for number in (4, 3)]


@pytest.fixture
async def looker(fake_consul: FakeConsul) -> AsyncIterator[Looker]:
    http = HttpClient()
    # A router that does not answer lists nobody.
    yield Looker(fake_consul, http, "orders", {"dc1": [Router("deb01", "http://127.0.0.1:1/api/routes")]})
    await http.close()


async def register(consul: FakeConsul, name: str, allocation: str, version: str, *tags: str) -> None:
    meta = {"version": version, **({"allocation": allocation} if allocation else {})}
    body = {"ID": name, "Name": "orders", "Address": "127.0.0.1", "Port": 80, "Tags": list(tags), "Meta": meta}
    await consul.register({**body, "Checks": []})


async def test_only_the_jobs_own_living_instances_count(fake_consul: FakeConsul, looker: Looker) -> None:
    await register(fake_consul, "mine", "a", "1.4.0")
    await register(fake_consul, "by-hand", "", "1.3.0")
    await register(fake_consul, "of-another-job", "z", "1.3.0")
    await register(fake_consul, "killed", "b", "1.4.0")
    seen = await looking.sight(looker, Nomad(allocation("a"), allocation("b", status="failed")), BEFORE, "1.4.1")
    assert [(each.id, each.version, each.is_up) for each in seen.members] == [("mine", "1.4.0", True)]


async def test_an_allocation_without_a_registration_is_up_when_nomad_says_so(looker: Looker) -> None:
    nomad = Nomad(allocation("abcdef0123", 4, healthy=None), allocation("fedcba3210", 4))
    seen = await looking.sight(looker, nomad, BEFORE, "1.4.1")
    assert [(each.id, each.version, each.is_up) for each in seen.members] == [
        ("allocation abcdef01", "1.4.1", False), ("allocation fedcba32", "1.4.1", True),
    ]  # fmt: skip
    assert {each.dc for each in seen.members} == {""}


async def test_what_a_router_does_not_list_is_not_up(fake_consul: FakeConsul, looker: Looker) -> None:
    await register(fake_consul, "new", "a", "1.4.1", "urlprefix-/orders", "1.4.1")
    [member] = (await looking.sight(looker, Nomad(allocation("a", 4)), BEFORE, "1.4.1")).members
    assert (member.listed, member.routers, member.is_up) == (0, 1, False)


async def test_a_router_that_has_left_holds_nobody_up(fake_consul: FakeConsul, looker: Looker) -> None:
    [here] = looker.routers["dc1"]
    other = Router("deb02", "http://127.0.0.1:2/api/routes")

    async def passing(dc: str) -> list[Router]:
        assert dc == "dc1"
        if not there:
            raise Unavailable("no Fabio passes")
        return there

    await register(fake_consul, "new", "a", "1.4.1", "urlprefix-/orders", "1.4.1")
    found, there = [], list[Router]()
    for routers in ([here, other], [other], []):
        there[:] = routers
        after = Looker(fake_consul, looker._http, "orders", {"dc1": [here, other]}, passing)
        [member] = (await looking.sight(after, Nomad(allocation("a", 4)), BEFORE, "1.4.1")).members
        found.append((member.listed, member.routers))
    # Who passes and does not answer still counts, and so do all where nobody passes.
    assert found == [(0, 2), (0, 1), (0, 2)]


async def test_what_nomad_registered_itself_names_its_allocation(fake_consul: FakeConsul, looker: Looker) -> None:
    name = "0f3ae8a2-1111-2222-3333-444455556666"
    await register(fake_consul, f"_nomad-task-{name}-group-orders-http", "", "1.4.0")
    [member] = (await looking.sight(looker, Nomad(allocation(name)), BEFORE, "1.4.1")).members
    assert member.is_up


async def test_the_deployment_is_that_of_the_new_version(looker: Looker) -> None:
    nomad = Nomad(allocation("a", 4, status="failed", words="exit 1"), allocation("b", 3, status="failed", words="old"))
    seen = await looking.sight(looker, nomad, BEFORE, "1.4.1")
    assert seen.deployment is not None
    assert (seen.deployment.number, seen.number, seen.runs, seen.trouble) == (4, 4, "1.4.1", "exit 1")


async def test_a_job_that_is_gone_is_not_an_empty_one(looker: Looker) -> None:
    nomad = Nomad()
    nomad.history = []
    with pytest.raises(Unavailable, match="no job orders"):
        await looking.sight(looker, nomad, BEFORE, "1.4.1")


@pytest.mark.parametrize(
    ("history", "number"),
    [([AFTER, BEFORE], 4), ([BEFORE], -1), ([], -1)],
)
def test_the_number_of_the_new_version_is_one_after_the_one_before(history: list[Job], number: int) -> None:
    assert looking.number_of(history, BEFORE, "1.4.1") == number


def test_an_older_job_of_the_same_version_is_another_one() -> None:
    assert looking.number_of([AFTER], AFTER, "1.4.1") == -1


async def test_where_system_jobs_have_no_deployments_running_is_healthy(looker: Looker) -> None:
    old = replace(BEFORE, kind="system")

    class Nomad110(Nomad):
        async def deployments(self, job_id: str) -> list[Deployment]:
            return []

    runs, waits = allocation("a", 4, healthy=None), allocation("b", 4, status="pending", healthy=None)
    seen = await looking.sight(looker, Nomad110(runs, waits), old, "1.4.1")
    assert [each.is_up for each in seen.members] == [True, False]
    seen = await looking.sight(looker, Nomad110(runs), BEFORE, "1.4.1")
    assert [each.is_up for each in seen.members] == [False]


async def test_the_check_that_does_not_pass_is_quoted(fake_consul: FakeConsul, looker: Looker) -> None:
    await register(fake_consul, "mine", "a", "1.4.1")
    checks = [{"CheckID": each, "Name": each, "Status": "passing"} for each in ("alive", "ready")]
    await fake_consul.register({**(await fake_consul.service("mine") or {}), "Checks": checks})
    fake_consul.set_check("mine", "ready", "critical", "HTTP GET http://x/ready: 503 Output: the database\n is away")
    seen = await looking.sight(looker, Nomad(allocation("a", 4)), BEFORE, "1.4.1")
    assert [each.words for each in seen.members] == ["ready: the database is away"]
