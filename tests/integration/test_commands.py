"""Starting and stopping as people do: two at once, taken ports, the kit alone, another user, nothing left behind."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from hoploom.local import processes
from lab.ordinary_user import as_nobody
from local_cli import HOPLOOM, Cli
from waiting import until

ROOT = Path(__file__).resolve().parents[2]
# Debian's `nobody`.
NOBODY = 65534


def test_the_kit_alone_carries_a_service_of_ones_own_and_down_leaves_nothing(tmp_path: Path) -> None:
    cli = Cli(tmp_path, "kit")
    service = None
    try:
        printed = cli.good("up", "--only", "kit", "--detach")
        assert "HOPLOOM_CONSUL_TOKEN_FILE=" in printed
        made = subprocess.run([str(HOPLOOM), "new", "orders"], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert "orders/service.py" in made.stdout
        environ = {
            **os.environ,
            "HOPLOOM_CONSUL_ADDR": f"http://127.0.0.1:{cli.port('consul_http')}",
            "HOPLOOM_CONSUL_TOKEN_FILE": str(cli.root / "tokens" / "developer"),
            "HOPLOOM_FABIO_ADDR": cli.fabio,
        }
        service = subprocess.Popen([sys.executable, "orders/service.py"], cwd=tmp_path, env=environ)
        hello = json.loads(until("the service through Fabio", lambda: fetched(f"{cli.fabio}/orders/world"), 20))
        assert hello["hello"] == "world"
        service.terminate()
        assert service.wait(timeout=60) == 0
        assert "nothing is left" in cli.good("down", "--purge")
        assert not cli.root.exists()
        assert processes.strays(tmp_path) == []
    finally:
        if service is not None and service.poll() is None:
            service.kill()
        cli.run("down", "--purge")


def fetched(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bytes(answer.read())
    except OSError:
        return b""


def test_the_tests_of_a_new_service_pass_without_any_engine(tmp_path: Path) -> None:
    subprocess.run([str(HOPLOOM), "new", "orders"], cwd=tmp_path, check=True, capture_output=True)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "orders"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    again = subprocess.run([str(HOPLOOM), "new", "orders"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)


def test_two_starts_at_once_make_one_mesh_on_free_ports(tmp_path: Path) -> None:
    cli = Cli(tmp_path, "twice")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Where somebody else has it already, it is taken too.
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", 8500))
            taken.listen()
        ran: list[subprocess.CompletedProcess[str]] = []
        starts = [threading.Thread(target=lambda: ran.append(cli.run("up", "--only", "kit", "--detach"))) for _ in "ab"]
        try:
            for start in starts:
                start.start()
            for start in starts:
                start.join()
            assert [each.returncode for each in ran] == [0, 0], [each.stderr for each in ran]
            assert "8500 is taken: using" in ran[0].stdout + ran[1].stdout
            consuls = [each for each in processes.strays(cli.root) if "consul" in command_of(each.pid)]
            assert len(consuls) == 1
        finally:
            cli.run("down", "--purge")
    assert processes.strays(cli.root) == []


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()


def test_a_crash_of_everything_is_cleaned_up_by_the_next_up(tmp_path: Path) -> None:
    cli = Cli(tmp_path, "crash")
    try:
        cli.good("up", "--detach", "127.1.0.0/24")
        before = {each["id"] for each in cli.status()["instances"]}
        for stray in processes.strays(cli.root):
            try:
                os.kill(stray.pid, 9)
            except ProcessLookupError:
                continue
        until("the end of all", lambda: not processes.strays(cli.root), 10)
        assert cli.run("status").returncode == 2
        assert "256 of 256 answered" in cli.good("up", "--detach", "127.1.0.0/24")
        found = cli.status()
        assert found["state"] == "ok"
        assert not {each["id"] for each in found["instances"]} & before
    finally:
        cli.run("down", "--purge")
    assert processes.strays(cli.root) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_an_ordinary_user_brings_it_up_and_maps_loopback_or_is_told_what_to_allow(tmp_path: Path) -> None:
    home = Path("/var/tmp") / f"hoploom-{os.getpid()}"
    home.mkdir(mode=0o755)
    cli = Cli(home / "state", "plain")
    try:
        install_for(home)
        environ = {
            "PATH": "/usr/bin:/bin", "HOME": str(home), "HOPLOOM_STATE": str(home / "state"), "HOPLOOM_MESH": "plain",
            "XDG_CACHE_HOME": str(home / "cache"), "XDG_RUNTIME_DIR": str(home),
            # The copied Python looks for its library where it was built, which another user may not read.
            "LD_LIBRARY_PATH": str(home / "python" / "lib"),
        }
        become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
        command = [*become, str(home / "venv" / "bin" / "hoploom")]
        up = [*command, "up", "--detach", "127.1.0.0/24"]
        ran = subprocess.run(up, env=environ, capture_output=True, text=True, timeout=200, check=False)
        try:
            allowed = ran.returncode == 0
            assert "listed by Fabio" in ran.stdout, ran.stdout + ran.stderr
            assert allowed or "ping_group_range" in ran.stderr, ran.stderr
            may = as_nobody("-c", "from hoploom.prober.loopback_namespace import open_sockets; open_sockets()")
            assert allowed or may.returncode != 0, "a namespace of its own would have done"
            assert "Traceback" not in ran.stderr
        finally:
            subprocess.run([*command, "down", "--purge"], env=environ, capture_output=True, timeout=100, check=False)
        assert processes.strays(cli.root) == []
    finally:
        shutil.rmtree(home)


def install_for(home: Path) -> None:
    """A Python, the packages and the engines that another user may read, by ways that are open to all."""
    offered(Path(sys.base_prefix), home / "python", "test", "__pycache__")
    python = home / "python" / "bin" / "python3"
    subprocess.run([str(python), "-m", "venv", "--without-pip", str(home / "venv")], check=True)
    site = next((home / "venv" / "lib").glob("python3*/site-packages"))
    packages = next((ROOT / ".venv" / "lib").glob("python3*/site-packages"))
    offered(packages, site, "__pycache__", "_hoploom.pth")
    checkout = home / "checkout"
    for folder in ("services", "consul", "fabio", "nomad", "ansible"):
        offered(ROOT / folder, checkout / folder, "__pycache__")
    (site / "_hoploom.pth").write_text(f"{checkout / 'services'}\n", encoding="utf-8")
    script = home / "venv" / "bin" / "hoploom"
    run = "import sys\nfrom hoploom.cli.main import main\nsys.exit(main())\n"
    script.write_text(f"#!{home / 'venv' / 'bin' / 'python'}\n{run}", encoding="utf-8")
    script.chmod(0o755)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hoploom"
    offered(cache / "engines", home / "cache" / "hoploom" / "engines", "*.lock")
    for path in [home, *home.rglob("*")]:
        # The files are still those of who runs this; everybody may read them.
        if path.is_dir() and not path.is_symlink():
            os.chown(path, NOBODY, NOBODY)


def offered(source: Path, target: Path, *without: str) -> None:
    """The same files at another place: a gigabyte is linked in a second, and copied in a minute."""

    def link(file: str, place: str) -> None:
        try:
            os.link(file, place)
        except OSError:
            shutil.copy2(file, place)

    ignored = shutil.ignore_patterns(*without)
    shutil.copytree(source, target, symlinks=True, ignore=ignored, copy_function=link, dirs_exist_ok=True)
