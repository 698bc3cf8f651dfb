"""Where a worker keeps its results when nobody says."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.ping_service.settings import Settings


@pytest.mark.parametrize(
    ("settings", "environ", "expected"),
    [
        (Settings(worker="pi-7"), {"XDG_STATE_HOME": "/state"}, "/state/hoploom/spool/pi-7"),
        (Settings(worker="pi-7"), {}, "~/.local/state/hoploom/spool/pi-7"),
        (Settings(worker="pi-7", spool_dir="/var/spool/hoploom"), {"XDG_STATE_HOME": "/state"}, "/var/spool/hoploom"),
        (Settings(spool_dir="~/spool"), {}, "~/spool"),
    ],
)
def test_results_wait_in_the_state_folder_unless_another_is_named(
    settings: Settings, environ: Mapping[str, str], expected: str
) -> None:
    assert settings.spool_folder(environ) == Path(expected).expanduser()


def test_an_account_without_a_home_has_to_name_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(ConfigError, match="--spool-dir"):
        Settings(worker="w").spool_folder({})
