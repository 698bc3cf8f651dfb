"""A worker's credential: renewed by the clock since boot, kept over silence, given up for a while when refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.ping_service.identity import REFUSED_S, SOONEST_S, Identity, JoinedIdentity
from hoploom.ping_service.identity_folder import ENROLMENT, Enrolment, IdentityFolder
from unit.ping_service.managers import ANSWER, URL_A, URL_B, FakeManagers
from unit.ping_service.stations import on_virtual_time

TTL_S = ANSWER.ttl_s


def now_s() -> float:
    return asyncio.get_running_loop().time()


def joined(path: Path, url: str = URL_A, managers: tuple[str, ...] = ()) -> tuple[JoinedIdentity, FakeManagers]:
    folder = IdentityFolder(path)
    fake = FakeManagers(folder.key())
    folder.write(Enrolment(mesh_url=url, answer=replace(ANSWER, managers=managers)))
    return JoinedIdentity(folder, fake, now_s), fake


@asynccontextmanager
async def running(identity: Identity) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(identity.run())
    try:
        yield
    finally:
        task.cancel()


async def test_a_worker_of_the_mesh_itself_shows_the_shared_token_and_renews_nothing() -> None:
    identity = Identity("pi", "secret")
    await identity.run()
    assert identity.headers() == {"Authorization": "Bearer secret"}
    assert (identity.ready, identity.renewing, identity.gateway, identity.key) == (True, False, False, None)
    assert Identity("pi").headers() == {}


def test_who_has_not_joined_is_told_how(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="hoploom worker join URL"):
        JoinedIdentity(IdentityFolder(tmp_path), FakeManagers(IdentityFolder(tmp_path).key()))


@on_virtual_time
async def test_the_kept_credential_is_shown_at_once_and_renewed_at_once(tmp_path: Path) -> None:
    identity, fake = joined(tmp_path)
    fake.answer = replace(ANSWER, credential="hw1.second.x", gateway=False)
    assert identity.headers() == {"Authorization": "Bearer hw1.first.x"}
    assert (identity.ready, identity.renewing, identity.name, identity.gateway) == (True, True, "pi", True)
    async with running(identity):
        await asyncio.sleep(1)
        assert identity.headers() == {"Authorization": "Bearer hw1.second.x"}
        assert (identity.renewing, identity.gateway) == (False, False)
    assert json.loads((tmp_path / ENROLMENT).read_text())["answer"]["credential"] == "hw1.second.x"


@on_virtual_time
async def test_a_credential_is_renewed_at_a_third_of_its_life(tmp_path: Path) -> None:
    identity, fake = joined(tmp_path)
    async with running(identity):
        await asyncio.sleep(TTL_S / 3 - 1)
        assert fake.asked.count((URL_A, "/renew")) == 1
        await asyncio.sleep(2)
        assert fake.asked.count((URL_A, "/renew")) == 2
        await asyncio.sleep(TTL_S)
        assert fake.asked.count((URL_A, "/renew")) == 5


@on_virtual_time
async def test_silence_changes_nothing_until_the_credential_ends_and_is_no_end_then(tmp_path: Path) -> None:
    identity, fake = joined(tmp_path)
    async with running(identity):
        await asyncio.sleep(1)
        fake.away = {URL_A}
        await asyncio.sleep(TTL_S - 10)
        assert (identity.ready, identity.trouble) == (True, "")
        await asyncio.sleep(20)
        assert (identity.ready, identity.trouble) == (False, "")
        fake.away = set()
        await asyncio.sleep(61)
        assert (identity.ready, identity.renewing) == (True, False)


@on_virtual_time
async def test_while_nobody_answers_it_asks_about_once_a_minute(tmp_path: Path) -> None:
    identity, fake = joined(tmp_path)
    fake.away = {URL_A}
    async with running(identity):
        await asyncio.sleep(1800)
    assert 30 <= len(fake.asked) <= 70


@on_virtual_time
async def test_another_manager_is_asked_when_one_is_silent(tmp_path: Path) -> None:
    identity, fake = joined(tmp_path, managers=(URL_A, URL_B))
    fake.away = {URL_A}
    async with running(identity):
        await asyncio.sleep(3)
    assert (URL_B, "/renew") in fake.asked and not identity.renewing


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("https://x", ["https://x", "https://c"]),
        ("http://x", ["http://x", "http://b", "https://c"]),
    ],
    ids=["joined over TLS", "joined over plain HTTP"],
)
def test_who_joined_over_tls_says_nothing_without_it(tmp_path: Path, url: str, urls: list[str]) -> None:
    assert joined(tmp_path, url, ("http://b", "https://c", url))[0].urls() == urls


@on_virtual_time
async def test_who_is_refused_says_why_and_asks_again_until_it_is_let_in(tmp_path: Path) -> None:
    identity, fake = joined(tmp_path)
    fake.refusal = (403, "pi is revoked")
    async with running(identity):
        await asyncio.sleep(1)
        assert (identity.ready, identity.trouble) == (False, "pi is revoked")
        await asyncio.sleep(600)
        asked = len(fake.asked)
        fake.refusal = None
        await asyncio.sleep(REFUSED_S + 1)
        assert (identity.ready, identity.trouble) == (True, "")
    assert 20 * 2 <= asked <= 60 * 2


@on_virtual_time
async def test_a_refused_credential_is_renewed_now_but_not_again_and_again(tmp_path: Path) -> None:
    identity, fake = joined(tmp_path)
    async with running(identity):
        await asyncio.sleep(SOONEST_S / 2)
        identity.renew_soon()
        await asyncio.sleep(1)
        assert fake.asked.count((URL_A, "/renew")) == 1, "that was done a moment ago"
        await asyncio.sleep(SOONEST_S)
        identity.renew_soon()
        assert identity.renewing
        await asyncio.sleep(1)
        assert fake.asked.count((URL_A, "/renew")) == 2


@on_virtual_time
async def test_a_full_disk_costs_no_credential(tmp_path: Path) -> None:
    identity, fake = joined(tmp_path)
    fake.answer = replace(ANSWER, credential="hw1.second.x")
    (tmp_path / ENROLMENT).unlink()
    (tmp_path / ENROLMENT).mkdir()
    async with running(identity):
        await asyncio.sleep(1)
        assert identity.headers() == {"Authorization": "Bearer hw1.second.x"}
