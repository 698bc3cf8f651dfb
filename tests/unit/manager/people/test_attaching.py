"""A manager's people are in Consul, or in the file that its setting names; the same desk serves both."""

import json
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.errors import ConfigError
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.people.desk import DESK
from hoploom.manager.people.users_file import UsersFile
from hoploom.manager.settings import Settings
from hoploom.wire.people import Role
from waiting import eventually

GOOD = "correct horse battery staple"


@pytest.mark.parametrize("in_file", [False, True])
async def test_where_people_are_kept(
    tmp_path: Path, on_mesh: OnMesh, fake_consul: FakeConsul, *, in_file: bool
) -> None:
    path = tmp_path / "users.json"
    settings = Settings(users_file=str(path) if in_file else "", development=True)
    app = on_mesh(make_app(settings), background=True)
    async with TestClient(TestServer(app)):
        desk = app[DESK]
        key, _ = await desk.invite("anna", Role.ADMIN, 3600)
        anna = await desk.choose_password(key, GOOD)
        await eventually("anna is known", lambda: "anna" in desk.store.users())
        assert await desk.signs_in("anna", GOOD) == anna
    stored = [each.key for each in await fake_consul.kv_list("hoploom/users/")]
    assert stored == ([] if in_file else ["hoploom/users/anna"])
    assert path.exists() is in_file
    if in_file:
        assert UsersFile(path).read() == {"anna": anna}
        assert GOOD not in path.read_text(encoding="utf-8")
        assert [each["name"] for each in json.loads(path.read_text(encoding="utf-8"))["users"]] == ["anna"]


def test_a_manager_whose_file_will_not_do_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no folder"):
        make_app(Settings(users_file=str(tmp_path / "nowhere" / "users.json")))
