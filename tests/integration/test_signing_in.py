"""People at two real managers on a real Consul, and through a real Fabio by HTTPS: security list, 14, 15 and 18."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from email.message import Message
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest

from engine_processes import Child, ConsulAgent, FabioRouter, ask, free_ports
from hoploom.manager.people import users
from hoploom.manager.people.kv_users import PREFIX as USERS
from hoploom.manager.people.passwords import Passwords
from hoploom.manager.people.users import User
from hoploom.manager.sessions.cookie import SECURE
from hoploom.wire.people import Role
from http_world import certified
from waiting import until

PASSWORD = "a long walk by the lake"
WITHIN_S = 5.0
# As Fabio says it of a request that came by HTTPS.
BY_TLS = {"X-Forwarded-Proto": "https"}


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


@dataclass
class People:
    """Two managers, and a router before them."""

    consul: ConsulAgent
    fabio: FabioRouter
    managers: dict[str, Child]
    trusted: ssl.SSLContext

    @property
    def urls(self) -> list[str]:
        """Of both managers."""
        return list(self.managers)

    def call(
        self, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> tuple[int, Message[str, str], str]:
        """A request as a browser sends it, which follows nothing; a POST with a form."""
        body = urllib.parse.urlencode(form).encode() if form is not None else None
        opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=self.trusted))
        request = urllib.request.Request(url, body, {"Sec-Fetch-Site": "same-origin", **headers})
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    def sign_in(self, url: str, name: str, password: str = PASSWORD, **headers: str) -> tuple[int, Message[str, str]]:
        """Status and headers of an attempt."""
        status, told, _ = self.call(f"{url}/sign-in", {**BY_TLS, **headers}, {"name": name, "password": password})
        return status, told

    def cookie(self, url: str, name: str) -> str:
        """The cookie of somebody who signs in."""
        status, told = self.sign_in(url, name)
        assert status == 303, told
        return f"{SECURE}={SimpleCookie(told['Set-Cookie'])[SECURE].value}"

    def status(self, url: str, cookie: str) -> int:
        """What a page answers; 0 while nobody does."""
        try:
            return self.call(f"{url}/api/v1/dyfi", {"Cookie": cookie})[0]
        except OSError:
            return 0

    def all_say(self, cookie: str, status: int) -> bool:
        """Whether both managers answer so."""
        return [self.status(each, cookie) for each in self.urls] == [status] * 2

    def user(self, name: str, **changes: Any) -> None:
        """Put a record where managers find it."""
        known = User(name=name, role=Role.VIEWER, hash=HASH)
        record = users.packed(replace(known, **changes))
        request = urllib.request.Request(f"{self.consul.url}/v1/kv/{USERS}{name}", record, method="PUT")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.read().strip() == b"true"


HASH = asyncio.run(Passwords().hashed(PASSWORD))


@pytest.fixture(scope="module")
def people(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    folder = tmp_path_factory.mktemp("people")
    certified(folder)
    certificates = folder / "certificates"
    certificates.mkdir()
    for made, name in (("ca.pem", "mesh-cert.pem"), ("key.pem", "mesh-key.pem")):
        shutil.copy(folder / made, certificates / name)
    consul = ConsulAgent(engine_paths["consul"], folder / "consul")
    fabio = FabioRouter(engine_paths["fabio"], folder / "fabio", "one", consul, certificates)
    managers = {}
    for port in free_ports(2):
        words = ["--consul-addr", consul.url, "--fabio-addr", fabio.url, "--port", str(port)]
        log = folder / f"manager-{port}.log"
        managers[f"http://127.0.0.1:{port}"] = Child([sys.executable, "-m", "hoploom.manager", *words], log)
    found = People(consul, fabio, managers, ssl.create_default_context(cafile=str(folder / "ca.pem")))
    try:
        consul.start()
        for each in managers.values():
            each.start()
        fabio.start()
        until("both are routed", lambda: len(fabio.targets("manager")) == 2, 30)
        yield found
    finally:
        for child in managers.values():
            child.stop()
        fabio.stop()
        consul.stop()


def test_who_signs_in_at_one_manager_is_in_at_both_and_out_of_both_within_seconds(people: People) -> None:
    people.user("vera")
    one, other = people.urls
    cookie = people.cookie(one, "vera")
    assert people.status(other, cookie) == people.status(one, cookie) == 200
    page = people.call(f"{other}/account", {"Cookie": cookie, "Accept": "text/html"})[2]
    csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
    assert people.call(f"{other}/sign-out", {"Cookie": cookie}, {"csrf": csrf})[0] == 303
    until("both know that it is over", lambda: people.all_say(cookie, 401), WITHIN_S)


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"role": Role.OPERATOR}, {"hash": ""}], ids=["disabled", "role", "password"]
)
def test_what_changes_a_person_ends_the_sessions_at_both(people: People, change: dict[str, Any]) -> None:
    name = "changed-" + next(iter(change))
    people.user(name)
    cookie = people.cookie(people.urls[0], name)
    assert people.all_say(cookie, 200)
    people.user(name, changed=1, **change)
    until("both know", lambda: people.all_say(cookie, 401), WITHIN_S)


def test_through_fabio_by_https_the_cookie_is_for_this_host_and_for_no_script(people: People) -> None:
    people.user("tls")
    url = people.fabio.tls_url
    status, told = people.sign_in(url, "tls")
    [sent] = told.get_all("Set-Cookie", [])
    found = {each.strip().lower() for each in sent.split(";")[1:]}
    assert (status, sent.startswith(f"{SECURE}=")) == (303, True)
    assert found == {"httponly", "path=/", "samesite=strict", "secure"}
    assert int(told["Strict-Transport-Security"].removeprefix("max-age=")) >= 365 * 24 * 3600
    # Whichever manager it comes to.
    cookie, answering = sent.partition(";")[0], set()
    for _ in range(20):
        status, _, page = people.call(f"{url}/api/v1/overview", {"Cookie": cookie})
        answering.add(page.partition('"manager": "')[2].partition('"')[0])
        assert status == 200
    assert len(answering) == 2


def test_fabio_s_plain_port_takes_no_password(people: People) -> None:
    people.user("plain")
    form = {"name": "plain", "password": PASSWORD}
    status, told, page = people.call(f"{people.fabio.url}/sign-in", {"Accept": "text/html"}, form)
    assert (status, told["Set-Cookie"]) == (403, None) and "HTTPS" in page


def test_failures_at_one_manager_count_at_the_other_and_what_is_forged_of_an_address_does_not(people: People) -> None:
    people.user("tried")
    one, other = people.urls
    for number in range(6):
        people.sign_in(people.fabio.tls_url, "tried", "a wrong one", **{"X-Forwarded-For": f"192.0.2.{number}"})
    until("the other has heard", lambda: people.sign_in(other, "tried", "wrong")[0] == 429, WITHIN_S)
    # What failed there last is known here a second later.
    until("so has this one", lambda: people.sign_in(one, "tried", "wrong")[0] == 429, WITHIN_S)
    assert people.sign_in(one, "tried")[0] == 429
    status, told = people.sign_in(people.fabio.tls_url, "tried")
    assert status == 429 and int(told["Retry-After"]) <= 60
    kept = ask("GET", f"{people.consul.url}/v1/kv/hoploom/attempts/?keys")
    assert 1 <= len(kept) <= 4


def test_a_session_outlives_the_death_of_either_manager(people: People) -> None:
    """The last one: it leaves one manager alone."""
    people.user("olga")
    (one, first), (other, second) = people.managers.items()
    cookie = people.cookie(one, "olga")
    first.stop(kill=True)
    assert people.status(other, cookie) == 200
    first.start()
    until("it is back, and knows who asks", lambda: people.status(one, cookie) == 200, 30)
    second.stop(kill=True)
    assert people.status(one, cookie) == 200
