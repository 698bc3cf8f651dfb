"""The example inventory names the release that this checkout makes."""

from pathlib import Path

import yaml

from hoploom import __version__

EXAMPLE = Path(__file__).resolve().parents[3] / "ansible" / "inventories" / "example"


def test_the_example_installs_this_version() -> None:
    said = yaml.safe_load((EXAMPLE / "group_vars" / "all" / "main.yml").read_text(encoding="utf-8"))
    assert said["hoploom_version"] == __version__
