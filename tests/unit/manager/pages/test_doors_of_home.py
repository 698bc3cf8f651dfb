"""The doors that a setting names."""

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.manager.pages.doors import doors


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        ("", []),
        ("Consul=http://127.0.0.1:8500/ui/", [("Consul", "http://127.0.0.1:8500/ui/")]),
        (" A = https://a/?x=1 , B=http://b,", [("A", "https://a/?x=1"), ("B", "http://b")]),
    ],
)
def test_a_setting_names_doors(setting: str, found: list[tuple[str, str]]) -> None:
    assert doors(setting) == found


@pytest.mark.parametrize("setting", ["Consul", "=http://a", "X=javascript:alert(1)", "X=/ui", "A=http://a,B"])
def test_what_is_no_door_is_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match="a door is NAME=URL"):
        doors(setting)
