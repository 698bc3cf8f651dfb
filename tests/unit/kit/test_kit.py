"""The kit's public names: all there, each its own, and none paid for before it is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

from hoploom import kit

FOLDER = Path(kit.__file__).parent


@pytest.mark.parametrize("name", kit.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(kit, name) is getattr(kit, name)
    assert name in dir(kit)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'mash'"):
        _ = kit.mash  # type: ignore[attr-defined]


def test_no_module_stands_in_the_way_of_a_public_name() -> None:
    modules = {path.stem for path in FOLDER.glob("*.py")}
    assert modules & set(kit.__all__) == {"credentials", "errors", "metrics"}


def test_the_errors_alone_bring_no_http_library() -> None:
    said = "import sys, hoploom.kit.errors; print('aiohttp' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
