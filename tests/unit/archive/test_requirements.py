"""`archive.requirements`: which locked packages go into an archive."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from hoploom.archive import requirements
from hoploom.kit.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
A, B, C, D = (f"sha256:{letter * 64}" for letter in "abcd")
LOCK = f"""\
# made by a tool
big==2.0 \\
    --hash={A}
    # via hoploom (pyproject.toml)
bottom-part==1.0 ; python_full_version < '3.12' \\
    --hash={B} \\
    --hash={C}
    # via
    #   middle-x
    #   tool
Middle.Part==3.1 \\
    --hash={D}
    # via big
tool==9 \\
    --hash={D}
    # via hoploom (pyproject.toml:build)
"""
PROJECT: dict[str, Any] = {
    "dependencies": ["big>=2"],
    "optional-dependencies": {"query": ["slow<3"], "worker": ["Fast>=1"], "mapper": ["hoploom[worker,query]", "apsw"]},
}


def test_a_lock_is_read_with_hashes_markers_and_who_needs_whom() -> None:
    found = requirements.read(LOCK)
    assert [(each.name, each.version, each.marker, each.hashes) for each in found] == [
        ("big", "2.0", "", (A,)),
        ("bottom-part", "1.0", "python_full_version < '3.12'", (B, C)),
        ("middle-part", "3.1", "", (D,)),
        ("tool", "9", "", (D,)),
    ]
    assert found[1].via == {"middle-x", "tool"}


@pytest.mark.parametrize(
    ("python", "names"), [((3, 11), ["big", "middle-part"]), ((3, 12), ["big", "middle-part"])]
)
def test_what_only_other_tools_need_stays_out(python: tuple[int, int], names: list[str]) -> None:
    assert [each.name for each in requirements.closure(requirements.read(LOCK), {"big"}, python)] == names


def test_what_somebody_wanted_needs_comes_along_where_its_marker_holds() -> None:
    lock = requirements.read(LOCK)
    assert [each.name for each in requirements.closure(lock, {"tool"}, (3, 11))] == ["bottom-part", "tool"]
    assert [each.name for each in requirements.closure(lock, {"tool"}, (3, 12))] == ["tool"]


def test_a_root_that_the_lock_lacks_is_named() -> None:
    with pytest.raises(ConfigError, match="the lock lacks gone"):
        requirements.closure(requirements.read(LOCK), {"big", "gone"}, (3, 11))


@pytest.mark.parametrize(
    ("marker", "python", "does_hold"),
    [
        ("", (3, 11), True),
        ("python_full_version < '3.12'", (3, 11), True),
        ("python_full_version < '3.12'", (3, 12), False),
        ("python_full_version >= '3.12'", (3, 12), True),
        ("python_full_version >= '3.12'", (3, 11), False),
        ("python_full_version >= '3.12' and python_full_version < '3.13'", (3, 13), False),
        ("implementation_name != 'PyPy' and platform_python_implementation != 'PyPy'", (3, 11), True),
        ("python_full_version < '3.12' and platform_python_implementation != 'PyPy'", (3, 12), False),
    ],
)
def test_markers_name_pythons(marker: str, python: tuple[int, int], *, does_hold: bool) -> None:
    assert requirements.holds(marker, python) is does_hold


def test_a_marker_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="not understood: sys_platform"):
        requirements.holds("sys_platform == 'win32'", (3, 11))


@pytest.mark.parametrize(
    ("without", "names"), [((), {"big", "slow", "fast", "apsw"}), (("query",), {"big", "fast", "apsw"})]
)
def test_an_extra_brings_those_that_it_names(without: tuple[str, ...], names: set[str]) -> None:
    assert requirements.roots(PROJECT, "mapper", without) == names


def test_pip_gets_names_versions_and_hashes_without_markers() -> None:
    assert requirements.text(requirements.read(LOCK)[1:2]) == (
        f"bottom-part==1.0 \\\n    --hash={B} \\\n    --hash={C}\n"
    )


@pytest.mark.parametrize("python", [(3, 11), (3, 12), (3, 13)])
def test_the_lock_of_this_checkout_has_each_package_once_and_no_build_tools(python: tuple[int, int]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = requirements.read((ROOT / "services" / "requirements.lock").read_text(encoding="utf-8"))
    names = [each.name for each in requirements.closure(lock, requirements.roots(project, "mapper"), python)]
    assert len(names) == len(set(names))
    assert {"numpy", "duckdb", "apsw", "aiohttp", "yarl", "requests"} <= set(names)
    assert {"hatchling", "pluggy", "trove-classifiers"}.isdisjoint(names)
