"""The archive of `hoploom build`, unpacked somewhere else and run by a Python that has none of our packages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def build(*flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hoploom.cli", "build", "--only", "worker", "--python", HERE, *flags]
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "services"), **environ}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a worker, checked and unpacked as a host does, and moved after that."""
    folder = tmp_path_factory.mktemp("built")
    made = build("--version", "0.1.1.dev1", "-o", str(folder))
    assert made.returncode == 0, made.stderr
    archive = next(folder.glob("*.tar.gz"))
    assert archive.name == f"hoploom-worker-0.1.1.dev1-linux-{os.uname().machine}-cp{HERE.replace('.', '')}.tar.gz"
    subprocess.run(["sha256sum", "-c", f"{archive.name}.sha256"], cwd=folder, check=True, capture_output=True)
    (folder / "unpacked").mkdir()
    subprocess.run(["tar", "-xzf", str(archive), "-C", str(folder / "unpacked")], check=True)
    archive.unlink()
    moved = (folder / "unpacked").rename(folder / "moved to")
    (folder / "path").mkdir()
    (folder / "path" / f"python{HERE}").symlink_to(Path(sys.base_prefix, "bin", f"python{HERE}"))
    return moved


def run(release: Path, *words: str) -> str:
    environ = {"PATH": f"{release.parent / 'path'}:/usr/bin:/bin"}
    command = [str(release / "bin" / words[0]), *words[1:]]
    ran = subprocess.run(command, env=environ, cwd="/", capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_it_runs_every_service_from_its_own_folder_alone(release: Path) -> None:
    assert run(release, "hoploom", "--version") == "hoploom 0.1.1.dev1\n"
    assert "usage: hoploom COMMAND" in run(release, "hoploom", "--help")
    services = (f"hoploom.{name}.app" for name in ("input_service", "ping_service", "output_service", "manager"))
    ask = "print([getattr(each, '__file__', '') for each in [*sys.modules.values()]])"
    files = run(release, "python", "-c", f"import sys, numpy, {', '.join(services)}; {ask}")
    assert f"{release}/lib/numpy/__init__.py" in files
    assert "site-packages" not in files
    assert "dist-packages" not in files
    assert str(ROOT) not in files


def test_it_finds_its_templates_and_runs_as_a_child_of_itself(release: Path) -> None:
    code = "from hoploom.kit.deploy import deploy_root; import subprocess, sys; print(deploy_root(), flush=True); " \
           "subprocess.run([sys.executable, '-m', 'hoploom.cli', '--version'], check=True)"
    assert run(release, "python", "-c", code) == f"{release}/lib/hoploom/_deploy\nhoploom 0.1.1.dev1\n"


def test_without_duckdb_a_query_says_what_is_missing(release: Path, tmp_path: Path) -> None:
    (tmp_path / "parquet" / "ping_results").mkdir(parents=True)
    command = [str(release / "bin" / "hoploom"), "query", "SELECT 1", "--data-set", str(tmp_path)]
    environ = {"PATH": f"{release.parent / 'path'}:/usr/bin:/bin"}
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "duckdb" in ran.stderr.lower()
    assert len(ran.stderr.splitlines()) == 1


def test_without_a_network_and_without_wheels_it_is_one_sentence(tmp_path: Path) -> None:
    away = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_FIND_LINKS": "", "XDG_CACHE_HOME": str(tmp_path)}
    made = build("-o", str(tmp_path / "out"), **away)
    assert made.returncode == 2
    assert len(made.stderr.splitlines()) == 1
    assert "cannot be reached" in made.stderr
    assert not (tmp_path / "out").exists()
