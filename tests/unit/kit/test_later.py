"""A library that is imported for nothing is loaded when somebody uses it, and not before."""

import subprocess
import sys
from pathlib import Path

import pytest

from hoploom.kit.later import imported_later

SERVICES = Path(__file__).resolve().parents[3] / "services"


@pytest.fixture(name="library")
def _library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A library that is not loaded yet."""
    name = f"library_of_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text("ANSWER = 42\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def test_it_is_loaded_at_its_first_use(library: str) -> None:
    with imported_later(library):
        user = __import__(library)
    assert library not in sys.modules
    assert user.ANSWER == 42 and library in sys.modules
    with pytest.raises(AttributeError):
        _ = user.NOTHING


def test_others_import_the_library_itself(library: str) -> None:
    with imported_later(library):
        user = __import__(library)
    assert __import__(library).__file__ and not hasattr(user, "__file__")


def test_what_is_loaded_already_stays_as_it_is(library: str) -> None:
    before = __import__(library)
    with imported_later(library):
        assert __import__(library) is before
    assert sys.modules[library] is before


def test_an_error_on_the_way_leaves_no_placeholder(library: str) -> None:
    with pytest.raises(RuntimeError), imported_later(library):
        raise RuntimeError
    assert library not in sys.modules


def test_a_worker_loads_nothing_that_it_does_not_use() -> None:
    heavy = ("requests", "urllib3", "charset_normalizer", "yaml", "jinja2", "rich", "apsw", "hoploom.input_service",
             "hoploom.cli")  # fmt: skip
    asked = f"import sys, hoploom.ping_service.app; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", asked], cwd=SERVICES, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == "[]"
