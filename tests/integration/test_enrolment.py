"""A worker elsewhere, from its invitation to its removal: two managers, an input and an output over a real Consul.

The worker's process has a wall clock that is a year behind; managers are killed and started again meanwhile.
"""

import asyncio
import json
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine_processes import Child, ConsulAgent, ask, free_ports
from hoploom.kit.errors import Forbidden, Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.manager import audit_ring
from hoploom.manager.events import ring
from hoploom.ping_service import enrolling
from hoploom.ping_service.identity_folder import Enrolment, IdentityFolder
from hoploom.trust.keys import Signer
from hoploom.wire.enrolment import RENEW, ROUTE, Enrolled, Proof, challenge_message
from waiting import eventually, until

SECRETS = {"operator": "operator-secret", "worker": "worker-secret"}
OPERATOR = f"Bearer {SECRETS['operator']}"
OLD = "hw1.old.x"
YEAR_OFF = """
import runpy, sys, time
now_s, now_ns = time.time, time.time_ns
time.time = lambda: now_s() - 365 * 86400
time.time_ns = lambda: now_ns() - 365 * 86400 * 10**9
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


@dataclass
class Service:
    """A service's process."""

    url: str
    child: Child

    def call(self, method: str, path: str, body: object = None, bearer: str = OPERATOR) -> tuple[int, Any]:
        """Status and answer; (0, None) where nobody answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Authorization": bearer}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")
        except OSError:
            return 0, None

    def good(self, method: str, path: str, body: object = None) -> Any:
        status, answer = self.call(method, path, body)
        assert status == 200, answer
        return answer


@dataclass
class Site:
    """The mesh."""

    consul: str
    managers: tuple[Service, Service]
    input: Service
    output: Service

    def invited(self, name: str, at: int = 0) -> str:
        """A token."""
        return str(self.managers[at].good("POST", f"{ROUTE}/invites", {"v": 1, "name": name})["token"])

    def keys_naming(self, name: str) -> list[str]:
        """Keys of the store in which a name stands, or in whose value, but for the rings of what has happened."""
        keys = ask("GET", f"{self.consul}/v1/kv/hoploom/?keys=true") or []
        values = {key: _raw(f"{self.consul}/v1/kv/{key}?raw=true") for key in keys}
        found = {key for key, value in values.items() if name in key or name.encode() in value}
        return sorted(found - {audit_ring.KEY, ring.KEY})

    def listed(self, name: str, at: int) -> dict[str, Any]:
        """A worker as a manager lists it; empty where it does not."""
        rows = self.managers[at].good("GET", ROUTE)["workers"]
        return next((each for each in rows if each["name"] == name), {})


def _signs(manager: Service) -> bool:
    return manager.call("POST", f"{ROUTE}/challenge")[0] == 200


def _seen(site: Site, name: str, at: int, what: str) -> Any:
    return (site.listed(name, at).get("seen") or {}).get(what)


async def joined(site: Site, http: HttpClient, folder: IdentityFolder, name: str) -> None:
    """Join, and keep a credential that is good no more, as after a long time without power."""
    url = site.managers[0].url
    answer = await enrolling.enrol(http, url, site.invited(name), folder.key())
    folder.write(Enrolment(mesh_url=url, answer=replace(answer, credential=OLD)))


def started(program: list[str], url: str, folder: IdentityFolder, own: Path) -> Child:
    """A worker's process, with a spool and a log in a folder of its own."""
    own.mkdir()
    words = ["--mesh-url", url, "--log-format", "text", "--identity-dir", str(folder.path)]
    words += ["--spool-dir", str(own / "spool"), "--loopback-will-do", "true"]
    worker = Child([*program, *words], own / "worker.log")
    worker.start()
    return worker


def _is_ready(url: str) -> bool:
    try:
        return bool(_raw(f"{url}/ready"))
    except OSError:
        return False


def _raw(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())


@pytest.fixture(scope="module")
def site(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    agent = ConsulAgent(engine_paths["consul"], folder / "consul")
    for name, secret in SECRETS.items():
        (folder / name).write_text(f"{secret}\n", encoding="utf-8")
    children: list[Child] = []

    def service(name: str, port: int, *words: str) -> Service:
        command = [
            sys.executable, "-m", f"hoploom.{name}", "--consul-addr", agent.url, "--port", str(port),
            "--operator-token-file", str(folder / "operator"), "--worker-token-file", str(folder / "worker"), *words,
        ]
        children.append(Child(command, folder / f"{name}-{port}.log"))
        children[-1].start()
        return Service(f"http://127.0.0.1:{port}", children[-1])

    try:
        agent.start()
        one, two, three, four = free_ports(4)
        managers = service("manager", one), service("manager", two)
        found = Site(
            agent.url, managers, service("input_service", three),
            service("output_service", four, "--db-dir", str(folder / "results")),
        )
        for each in managers:
            until("a manager can sign", partial(_signs, each), 20)
        for other in (found.input, found.output):
            until("a service is ready", partial(_is_ready, other.url), 20)
        yield found
    finally:
        for child in children:
            child.stop()
        agent.stop()


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


def let_in(site: Site, credential: str) -> bool:
    """Whether input and output take this credential: they find fault with the empty request, and not with the worker.

    Fails where one does and the other does not.
    """
    found = told(site, credential)
    assert set(found) <= {400} or set(found) <= {401, 403}, found
    return found == (400, 400)


def told(site: Site, credential: str) -> tuple[int, int]:
    """What input and output answer to an empty request with this credential."""
    bearer = f"Bearer {credential}"
    return site.input.call("POST", "/leases", {}, bearer)[0], site.output.call("POST", "/results", {}, bearer)[0]


async def test_a_lost_answer_is_given_again_at_another_manager_and_a_stranger_gets_nothing(
    site: Site, http: HttpClient
) -> None:
    token, key = site.invited("lost"), Signer.new()
    first, second = site.managers
    found = await enrolling.enrol(http, first.url, token, key)
    again = await enrolling.enrol(http, second.url, token, key)
    assert (again.name, again.number) == (found.name, found.number) == ("lost", found.number)
    for at in site.managers:
        with pytest.raises(Forbidden, match="used up or expired"):
            await enrolling.enrol(http, at.url, token, Signer.new())
    assert let_in(site, found.credential) and let_in(site, again.credential)


async def test_of_many_that_use_one_token_at_both_managers_at_once_one_is_let_in(site: Site, http: HttpClient) -> None:
    token, keys = site.invited("raced"), [Signer.new() for _ in range(6)]
    asked = [
        enrolling.enrol(http, site.managers[number % 2].url, token, key) for number, key in enumerate([*keys, *keys])
    ]
    found = await asyncio.gather(*asked, return_exceptions=True)
    let_in = {number % len(keys) for number, each in enumerate(found) if isinstance(each, Enrolled)}
    assert len(let_in) == 1
    assert all(isinstance(each, Enrolled | Forbidden) for each in found)


async def test_a_challenge_of_a_manager_that_died_since_is_answered_at_another(site: Site, http: HttpClient) -> None:
    key, (first, second) = Signer.new(), site.managers
    before = await enrolling.enrol(http, first.url, site.invited("renewing"), key)
    challenge = first.call("POST", f"{ROUTE}/challenge")[1]["challenge"]
    first.child.stop(kill=True)
    try:
        with pytest.raises(Unavailable):
            await enrolling.renew(http, first.url, "renewing", key)
        signature = key.sign(challenge_message(RENEW, "renewing", challenge))
        proof = Proof(name="renewing", challenge=challenge, signature=signature).to_json()
        status, document = second.call("POST", f"{ROUTE}/{RENEW}", proof)
        assert status == 200 and Enrolled.from_json(document).number == before.number
        assert let_in(site, before.credential), "its key is dead, and what it signed is good"
    finally:
        first.child.start()
    until("the manager signs again", partial(_signs, first), 20)
    assert (await enrolling.renew(http, first.url, "renewing", key)).number == before.number


async def test_a_revocation_acts_within_5_seconds_on_input_output_and_managers(site: Site, http: HttpClient) -> None:
    key = Signer.new()
    credential = (await enrolling.enrol(http, site.managers[0].url, site.invited("stolen"), key)).credential

    async def is_out() -> bool:
        refused = [await _is_refused(http, each.url, "stolen", key) for each in site.managers]
        return told(site, credential) == (403, 403) and all(refused)

    async def is_in() -> bool:
        refused = [await _is_refused(http, each.url, "stolen", key) for each in site.managers]
        return told(site, credential) == (400, 400) and not any(refused)

    assert await is_in()
    site.input.good("POST", "/api/v1/overlay/revocations", {"v": 1, "worker": "stolen", "revoked": True})
    await eventually("it is shut out everywhere", is_out, 5)
    site.input.good("POST", "/api/v1/overlay/revocations", {"v": 1, "worker": "stolen", "revoked": False})
    await eventually("it is let in again", is_in, 5)


def _kept(folder: IdentityFolder) -> str:
    known = folder.read()
    return known.answer.credential if known else ""


def _is_renewed(folder: IdentityFolder) -> bool:
    return _kept(folder) != OLD


async def _is_refused(http: HttpClient, url: str, name: str, key: Signer) -> bool:
    try:
        await enrolling.renew(http, url, name, key)
    except Forbidden:
        return True
    return False


async def test_a_worker_with_a_clock_a_year_off_is_heard_renews_and_leaves_nothing(
    site: Site, http: HttpClient, tmp_path: Path
) -> None:
    folder, url = IdentityFolder(tmp_path / "identity"), site.managers[0].url
    await joined(site, http, folder, "pi-attic")
    worker = started([sys.executable, "-c", YEAR_OFF, "hoploom.ping_service"], url, folder, tmp_path / "own")
    try:
        for at in (0, 1):
            await eventually("both managers hear it", partial(_seen, site, "pi-attic", at, "boot"), 20)
        await eventually("it is renewed at its start", partial(_is_renewed, folder), 20)
        status, _ = site.managers[1].call("DELETE", f"{ROUTE}/pi-attic")
        assert status == 200
        assert site.keys_naming("pi-attic") == ["hoploom/ids/worker/pi-attic"]
        assert await _is_refused(http, url, "pi-attic", folder.key())
        for at in (0, 1):
            assert site.managers[at].call("GET", f"{ROUTE}/pi-attic")[0] == 404
    finally:
        worker.stop()


async def test_two_machines_from_one_card_are_named_and_each_keeps_its_credential(
    site: Site, http: HttpClient, tmp_path: Path
) -> None:
    folder, url = IdentityFolder(tmp_path / "card"), site.managers[0].url
    await joined(site, http, folder, "twin")
    copy = IdentityFolder(shutil.copytree(folder.path, tmp_path / "copy"))
    program = [sys.executable, "-m", "hoploom.ping_service"]
    workers = [started(program, url, each, tmp_path / f"own-{each.path.name}") for each in (folder, copy)]
    try:
        for at in (0, 1):
            await eventually("both managers say so", partial(_seen, site, "twin", at, "clash"), 30)
        for each in (folder, copy):
            await eventually("it has a credential of its own", partial(_is_renewed, each), 20)
        assert let_in(site, _kept(folder)) and let_in(site, _kept(copy))
    finally:
        for worker in workers:
            worker.stop()


async def test_whose_name_another_machine_has_is_shut_out_though_its_credential_is_good_for_hours(
    site: Site, http: HttpClient
) -> None:
    url = site.managers[0].url
    first = await enrolling.enrol(http, url, site.invited("given-away"), Signer.new())
    site.managers[1].good("DELETE", f"{ROUTE}/given-away")
    second = await enrolling.enrol(http, url, site.invited("given-away"), Signer.new())
    for each in (site.input, site.output):
        await eventually("the first is shut out", partial(_answers, each, first.credential, 403), 5)
        await eventually("the second is let in", partial(_answers, each, second.credential, 400), 5)


def _answers(service: Service, credential: str, status: int) -> bool:
    path = "/leases" if "input" in str(service.child.command) else "/results"
    return service.call("POST", path, {}, f"Bearer {credential}")[0] == status


async def test_who_leaves_by_itself_leaves_nothing_and_may_be_invited_again(site: Site, http: HttpClient) -> None:
    key, (first, second) = Signer.new(), site.managers
    before = await enrolling.enrol(http, first.url, site.invited("leaver"), key)
    await enrolling.leave(http, second.url, "leaver", key)
    assert site.keys_naming("leaver") == ["hoploom/ids/worker/leaver"]
    after = await enrolling.enrol(http, first.url, site.invited("leaver", at=1), Signer.new())
    assert after.number == before.number
