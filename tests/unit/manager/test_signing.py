"""A manager's keys: published before they sign, turned daily, put back when gone, and ended with the manager."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.errors import Unauthorized, Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import MESH
from hoploom.kit.testing import OnMesh
from hoploom.manager import signing as module
from hoploom.manager.app import make_app
from hoploom.manager.settings import Settings
from hoploom.manager.signing import LIFE_S, ROTATE_S, SIGNING, Signing, fresh
from hoploom.trust.attaching import KEY_SET
from hoploom.trust.credential import CREDENTIAL_TTL_S
from hoploom.trust.key_record import KEYS, stored
from hoploom.trust.key_set import KeySet
from unit.trust.issuing import NOW_S, WORKER
from waiting import eventually


class World:
    """A manager's keys under clocks that the test turns, and an instance elsewhere that verifies."""

    def __init__(self) -> None:
        self.consul, self.now_s, self.wall_s = FakeConsul(), 1000.0, NOW_S
        self.known = KeySet(self.consul, lambda: self.wall_s * 10**6)
        self.verifier = KeySet(self.consul, lambda: self.wall_s * 10**6)
        self.signing = Signing(
            self.consul, self.known, lambda now_us: fresh("dc1", "manager-1", now_us),
            lambda: self.now_s, lambda: self.wall_s * 10**6,
        )

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.wall_s += int(seconds)

    def issue(self) -> str:
        return self.signing.issue("pi-1", 2_000_000_000, WORKER.public)

    async def kids(self) -> set[str]:
        return {record.kid for record in map(stored, await self.consul.kv_list(KEYS)) if record}


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World()


async def test_nothing_is_signed_before_the_key_is_published(world: World) -> None:
    with pytest.raises(Unavailable, match="cannot sign now"):
        world.issue()
    world.consul.away = True
    with pytest.raises(Unavailable):
        await world.signing.keep()
    with pytest.raises(Unavailable, match="cannot sign now"):
        world.issue()


async def test_a_credential_is_verified_elsewhere_and_lasts_its_hours(world: World) -> None:
    await world.signing.keep()
    text = world.issue()
    found = await world.verifier.read(text)
    assert (found.worker, found.number, found.key, found.dc) == ("pi-1", 2_000_000_000, WORKER.public, "dc1")
    world.sleep(CREDENTIAL_TTL_S)
    await world.verifier.read(text)
    world.sleep(61)
    with pytest.raises(Unauthorized, match="expired"):
        await world.verifier.read(text)


async def test_a_week_of_turns_never_signs_with_a_key_that_was_not_published_a_day_before(world: World) -> None:
    await world.signing.keep()
    published, used = {kid: world.now_s for kid in await world.kids()}, dict[str, float]()
    for _ in range(7 * 24):
        world.sleep(3600)
        await world.signing.keep()
        published |= {kid: world.now_s for kid in await world.kids() - published.keys()}
        used.setdefault(world.signing.current.record.kid, world.now_s)
        text = world.issue()
        assert (await world.verifier.read(text)).worker == "pi-1"
        record = world.signing.current.record
        assert record.until_us >= (world.wall_s + CREDENTIAL_TTL_S) * 10**6, "removed before its last one expires"
    assert len(used) == 8
    assert all(began - published[kid] >= ROTATE_S for kid, began in list(used.items())[1:])


async def test_while_consul_is_away_the_published_key_goes_on_and_no_other_is_taken(world: World) -> None:
    await world.signing.keep()
    world.sleep(ROTATE_S)
    world.consul.away = True
    with pytest.raises(Unavailable):
        await world.signing.keep()
    kid = world.signing.current.record.kid
    world.sleep(ROTATE_S)
    with pytest.raises(Unavailable):
        await world.signing.keep()
    assert world.signing.current.record.kid == kid
    world.consul.away = False
    world.sleep(CREDENTIAL_TTL_S)
    await world.signing.keep()
    assert (await world.verifier.read(world.issue())).worker == "pi-1"


@pytest.mark.parametrize("jump_s", [LIFE_S, 365 * 86400])
async def test_after_a_jump_of_the_clock_new_keys_are_made(world: World, jump_s: int) -> None:
    await world.signing.keep()
    world.wall_s += jump_s
    with pytest.raises(Unavailable):
        world.issue()
    await world.signing.keep()
    assert (await world.verifier.read(world.issue())).worker == "pi-1"


async def test_a_key_that_is_gone_from_the_store_is_put_back(world: World) -> None:
    await world.signing.keep()
    before = await world.kids()
    await world.consul.kv_delete(KEYS, recurse=True)
    await world.signing.keep()
    assert await world.kids() == before and len(before) == 2


async def test_who_stops_signs_no_more_and_leaves_a_key_for_as_long_as_it_is_needed(world: World) -> None:
    await world.signing.keep()
    text, kid = world.issue(), world.signing.current.record.kid
    await world.signing.retire()
    await world.signing.keep()
    with pytest.raises(Unavailable):
        world.issue()
    assert await world.kids() == {kid}
    assert (await world.verifier.read(text)).worker == "pi-1"
    [record] = map(stored, await world.consul.kv_list(KEYS))
    assert record and CREDENTIAL_TTL_S <= record.until_us / 1e6 - world.wall_s <= CREDENTIAL_TTL_S + 3600


async def test_the_private_half_is_nowhere_in_the_store(world: World) -> None:
    await world.signing.keep()
    entries = await world.consul.kv_list(KEYS)
    assert all(set(json.loads(each.value)) == {"v", "kid", "public", "dc", "instance", "made_us", "until_us"}
               for each in entries)
    secrets = {each.signer.to_bytes() for each in world.signing._keys}
    assert not any(secret in each.value for secret in secrets for each in entries)


@pytest.fixture
async def manager(
    on_mesh: OnMesh, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    monkeypatch.setattr(module, "HURRY_S", 0.01)
    app = on_mesh(make_app(Settings()), background=True)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_a_manager_signs_soon_after_its_start_and_retires_its_keys_when_it_stops(
    manager: TestClient, fake_consul: FakeConsul  # type: ignore[type-arg]
) -> None:
    app = manager.app
    assert app is not None
    await eventually("it signs", lambda: len(app[KEY_SET].records) == 2)
    found = await app[KEY_SET].read(app[SIGNING].issue("pi-1", 7, WORKER.public))
    assert found.number == 7
    for step in app[MESH].left_steps:
        await step(app)
    assert len(await fake_consul.kv_list(KEYS)) == 1
