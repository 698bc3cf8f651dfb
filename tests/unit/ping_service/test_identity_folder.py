"""The files in which a worker keeps its key and its enrolment."""

import stat
from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.ping_service.identity_folder import ENROLMENT, KEY, Enrolment, IdentityFolder
from unit.ping_service.managers import ANSWER, URL_A

KNOWN = Enrolment(mesh_url=URL_A, answer=ANSWER)


def test_the_key_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path / "worker")
    assert folder.known_key() is None
    made = folder.key()
    assert folder.key().public == made.public == IdentityFolder(folder.path).key().public
    assert stat.S_IMODE((folder.path / KEY).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_an_enrolment_is_kept_whole(tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path)
    assert folder.read() is None
    folder.write(KNOWN)
    assert folder.read() == KNOWN
    assert stat.S_IMODE((tmp_path / ENROLMENT).stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [ENROLMENT]


def test_nothing_is_left_after_leaving(tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path)
    folder.key()
    folder.write(KNOWN)
    folder.forget()
    folder.forget()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        (KEY, b"", "private key has 32 bytes"),
        (KEY, b"x" * 33, "private key has 32 bytes"),
        (ENROLMENT, b"", "damaged"),
        (ENROLMENT, b'{"v": 1, "mesh_url": "https://a"}', "damaged"),
        (ENROLMENT, b"\xff\xfe", "damaged"),
    ],
)
def test_a_damaged_file_is_said_with_its_path_and_never_taken_for_none(
    tmp_path: Path, name: str, damage: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(damage)
    folder = IdentityFolder(tmp_path)
    with pytest.raises(ConfigError, match=words) as found:
        folder.key() if name == KEY else folder.read()
    assert str(tmp_path / name) in str(found.value)


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"cannot .* this worker's"):
        IdentityFolder(tmp_path / "file").key()


def test_the_default_is_below_the_state_folder_of_the_account(tmp_path: Path) -> None:
    folder = IdentityFolder.at(environ={"XDG_STATE_HOME": str(tmp_path)})
    assert folder.path == tmp_path / "hoploom" / "worker"
    assert IdentityFolder.at("/var/lib/x").path == Path("/var/lib/x")
