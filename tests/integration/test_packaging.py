"""The wheel and the two commands on a fresh checkout."""

import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEPLOYED = ("ansible", "consul", "fabio", "nomad")


def copy(target: Path) -> Path:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def test_the_wheel_carries_templates_and_jobs_and_works_outside_a_checkout(tmp_path: Path) -> None:
    source = copy(tmp_path / "source")
    ignore = source / ".gitignore"
    ignore.write_text(ignore.read_text(encoding="utf-8") + "secret.txt\n", encoding="utf-8")
    (source / "ansible" / "secret.txt").write_text("hush", encoding="utf-8")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    wheel = next((tmp_path / "dist").glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        carried = {name: archive.read(name) for name in archive.namelist() if "/_deploy/" in name}
        archive.extractall(tmp_path / "site")
    expected = {
        f"hoploom/_deploy/{path.relative_to(source)}": path.read_bytes()
        for folder in DEPLOYED
        for path in (source / folder).rglob("*")
        if path.is_file() and path.name != "secret.txt"
    }
    assert carried == expected
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    ask = "from hoploom.kit.deploy import deploy_root; import hoploom; print(deploy_root(), hoploom.__file__)"
    packages = f"import sys; sys.path = [p for p in sys.path if not p.endswith('services')]; {ask}"
    ran = subprocess.run(
        [sys.executable, "-c", packages], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == [str(tmp_path / "site/hoploom/_deploy"), str(tmp_path / "site/hoploom/__init__.py")]


def test_two_first_starts_at_once_prepare_one_environment_and_the_next_is_quick(tmp_path: Path) -> None:
    source = copy(tmp_path / "two words")
    ran: list[subprocess.CompletedProcess[str]] = []

    def start() -> None:
        command = [sys.executable, "-I", str(source / "services"), "--version"]
        ran.append(subprocess.run(command, capture_output=True, text=True, cwd="/", check=False))

    starts = [threading.Thread(target=start) for _ in range(2)]
    for each in starts:
        each.start()
    for each in starts:
        each.join()
    said = [each.stderr for each in ran]
    assert [(each.returncode, each.stdout) for each in ran] == [(0, "hoploom 0.1.0\n")] * 2, said
    assert ("".join(said).count("preparing"), "".join(said).count("waiting for another start")) == (1, 1)
    start()
    assert (ran[-1].stdout, ran[-1].stderr) == ("hoploom 0.1.0\n", "")


def test_a_python_without_ensurepip_gets_one_sentence_and_the_way_out(tmp_path: Path) -> None:
    source = copy(tmp_path / "source")
    blind = """
import importlib.util as util, runpy, sys
real = util.find_spec
util.find_spec = lambda name, *more: None if name == "ensurepip" else real(name, *more)
sys.argv = ["services", "--version"]
"""
    run = f"{blind}runpy.run_path({str(source / 'services')!r}, run_name='__main__')"
    ran = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, cwd="/", check=False)
    assert ran.returncode == 2
    assert ran.stderr.strip().splitlines()[-1].endswith("brings it on Debian and Ubuntu")
    assert "Traceback" not in ran.stderr
