"""Where an engine's archive comes from, and that none is ever taken without a sum."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from playbook_plugins import ANSIBLE, filters

FILTERS = filters("engine_archives")
LISTED = FILTERS["releases"]((ANSIBLE.parent / "services/hoploom/engines/releases.toml").read_text(encoding="utf-8"))
MIRROR: dict[str, Any] = {"mirror": "http://mirror/", "sha256": {"fabio-1.7.2-linux_amd64": "f" * 64}}


def one(name: str, arch: str = "amd64", **source: Any) -> dict[str, str]:
    found: dict[str, dict[str, str]] = FILTERS["engine_archives"]([name], LISTED, arch, source)
    return found[name]


@pytest.mark.parametrize("name", ["consul", "nomad"])
@pytest.mark.parametrize("arch", ["amd64", "arm64"])
def test_the_vendors_archives_have_the_sums_of_the_one_list(name: str, arch: str) -> None:
    found = one(name, arch)
    assert found["sha256"] == LISTED[name]["sha256"][f"linux_{arch}"]
    assert found["url"].startswith("https://releases.hashicorp.com/") and found["url"].endswith(f"_linux_{arch}.zip")


def test_a_mirror_serves_all_and_its_own_sums_win() -> None:
    assert one("consul", **MIRROR)["url"] == f"http://mirror/consul_{LISTED['consul']['version']}_linux_amd64.zip"
    assert one("fabio", **MIRROR)["sha256"] == "f" * 64
    name = one("consul", **MIRROR)["file"]
    assert one("consul", mirror="/srv/mirror", sha256={name: "a" * 64})["sha256"] == "a" * 64
    assert one("consul", mirror="/srv/mirror")["url"] == f"file:///srv/mirror/{name}"


def test_what_has_no_sum_is_a_problem_and_never_an_archive() -> None:
    assert "nobody publishes fabio with a checksum" in one("fabio")["problem"]
    assert one("fabio", mirror="http://mirror") == {
        "problem": "no SHA-256 is known for fabio-1.7.2-linux_amd64: give it in hoploom_mirror_sha256"}
    assert "no SHA-256 is known for consul_1.22.9" in one("consul", versions={"consul": "1.22.9"})["problem"]


def test_the_list_is_found_from_a_checkout_and_from_an_installed_wheel() -> None:
    text = (ANSIBLE / "roles/preflight/vars/main.yml").read_text(encoding="utf-8")
    assert "/services/hoploom/engines/releases.toml" in text
    assert "/../engines/releases.toml" in text, "site-packages/hoploom/_deploy is beside site-packages/hoploom/engines"


def test_an_archive_in_a_folder_of_the_controller_is_looked_at_there(tmp_path: Path) -> None:
    path = tmp_path / "consul.zip"
    path.write_bytes(b"an archive")
    right = {"url": path.as_uri(), "sha256": hashlib.sha256(b"an archive").hexdigest()}
    assert FILTERS["folder_problems"]({"consul": right, "nomad": {"url": "http://mirror/x", "sha256": ""}}) == []
    [problem] = FILTERS["folder_problems"]({"consul": {**right, "sha256": "0" * 64}})
    assert problem.startswith(f"{path} has SHA-256 ") and problem.endswith("it was changed")
    path.unlink()
    assert FILTERS["folder_problems"]({"consul": right}) == [f"{path} cannot be read: No such file or directory"]
