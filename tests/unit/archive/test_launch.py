"""`archive.launch` and the launchers: what a host sees first."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hoploom.archive import launch, own

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
ARCH = os.uname().machine


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked archive without any package but ours, in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("moved to")
    for member in own.members("9.9", HERE, ARCH):
        if member.path.startswith("bin/") or member.path == "lib/hoploom/archive/launch.py":
            path = folder / member.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(member.read())
            path.chmod(0o755 if member.is_program else 0o644)
    (folder / "lib" / "packed.py").write_text("import sys\nprint('packed', __name__, sys.argv[1:])\n")
    (folder / "path").mkdir()
    (folder / "path" / f"python{HERE}").symlink_to(sys.executable)
    return folder


def start(release: Path, *words: str, path: str = "", typed: str = "", **environ: str) -> tuple[int, str, str]:
    ran = subprocess.run(
        [str(release / "bin" / "python"), *words],
        env={"PATH": path or f"{release / 'path'}:/usr/bin:/bin", **environ},
        input=typed, capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    return ran.returncode, ran.stdout.strip(), ran.stderr.strip()


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (("-m", "packed", "-x", "a b"), "", "packed __main__ ['-x', 'a b']"),
        (("-mpacked",), "", "packed __main__ []"),
        (("-c", "import sys; print(sys.argv)", "-m", "1"), "", "['-c', '-m', '1']"),
        (("-X", "dev", "-u", "-c", "import sys; print(sys.flags.dev_mode)"), "", "True"),
        (("-",), "print(__name__)", "__main__"),
        (("-c", "import sys; print(sys.executable)"), "", "{}/bin/python"),
        (("-c", "import sys; print([p for p in sys.path if 'site' in p or 'dist-' in p])"), "", "[]"),
    ],
)
def test_it_does_what_python_does(release: Path, words: tuple[str, ...], typed: str, said: str) -> None:
    assert start(release, *words, typed=typed) == (0, said.format(release), "")


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="such a namespace needs Linux and root")
def test_the_first_process_of_a_namespace_is_stopped_before_it_handles_signals_itself(release: Path) -> None:
    code = "import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.1); print('heard nothing')"
    ran = subprocess.run(
        ["unshare", "--pid", "--fork", str(release / "bin" / "python"), "-c", code],
        env={"PATH": f"{release / 'path'}:/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (128 + signal.SIGTERM, "", "")


def test_a_file_runs_with_its_folder_on_the_path(release: Path, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("name = 'beside'\n")
    (tmp_path / "main.py").write_text("import beside, packed\nprint(beside.name)\n")
    assert start(release, str(tmp_path / "main.py")) == (0, "packed packed []\nbeside", "")


def test_nothing_of_the_environment_gets_in(release: Path, tmp_path: Path) -> None:
    (tmp_path / "packed.py").write_text("print('foreign')\n")
    assert start(release, "-m", "packed", PYTHONPATH=str(tmp_path), PYTHONHOME="/no") == (0, "packed __main__ []", "")


def test_it_is_found_through_links(release: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(release)
    (tmp_path / "bin").symlink_to("current/bin")
    (tmp_path / "python").symlink_to("bin/python")
    path = f"{release / 'path'}:/usr/bin:/bin"
    for link in ("bin/python", "python"):
        ran = subprocess.run([tmp_path / link, "-m", "packed"], env={"PATH": path}, capture_output=True, check=True)
        assert ran.stdout == b"packed __main__ []\n"


def test_a_host_without_any_python_says_so_in_one_sentence(release: Path, tmp_path: Path) -> None:
    (tmp_path / "readlink").symlink_to(shutil.which("readlink") or "/usr/bin/readlink")
    code, _, said = start(release, "-m", "packed", path=str(tmp_path))
    assert (code, said) == (2, f"hoploom: this host has no Python {HERE}: 'apt install python3' brings it on Debian 12")


def test_a_failed_check_is_one_sentence_and_exit_code_2(release: Path) -> None:
    words = [sys.executable, "-I", "-S", str(release / "lib/hoploom/archive/launch.py"), "2.7", ARCH, "-m", "packed"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr.startswith("hoploom: this archive is for Python 2.7, and ")
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("version", "way"),
    [((3, 14), "`hoploom build --python 3.14` makes one for it"), ((3, 9), "install python2.7")],
)
def test_another_python_is_told_the_way_out(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], way: str
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    assert launch.lacks("2.7", ARCH).endswith(way)


def test_this_python_serves() -> None:
    assert launch.lacks(HERE, ARCH) == ""


def test_another_machine_is_named() -> None:
    other = "aarch64" if ARCH != "aarch64" else "x86_64"
    assert launch.lacks(HERE, other).startswith(f"this archive is for {other} with glibc, and this Python is cpython-")


def test_a_32_bit_python_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert "install a 64-bit system" in launch.lacks(HERE, ARCH)


def test_a_python_without_its_library_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in ("asyncio", "ssl") else name)
    said = launch.lacks(HERE, ARCH)
    assert "comes without asyncio, ssl: `apt install python3` brings" in said
