"""The pieces of a local mesh that need no engine."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.local import ports, processes, tokens
from hoploom.local.lock import alone
from hoploom.local.places import Places
from hoploom.local.port_claims import Claims
from waiting import until


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOPLOOM_STATE": "/srv/state"}, "/srv/state/demo"),
        ({"XDG_STATE_HOME": "/home/a/.state"}, "/home/a/.state/hoploom/demo"),
    ],
)
def test_state_is_where_the_conventions_say(environ: dict[str, str], expected: str) -> None:
    assert Places.of("demo", environ).root == Path(expected)


@pytest.mark.parametrize("name", ["", "../x", "Demo", "a b", "x" * 40])
def test_a_mesh_name_that_is_no_folder_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        Places.of(name, {"HOPLOOM_STATE": "/tmp"})


def test_a_torn_record_reads_as_none(tmp_path: Path) -> None:
    places = Places("demo", tmp_path)
    assert places.read() == {}
    places.record.write_text('{"ports": {', encoding="utf-8")
    assert places.read() == {}
    places.write({"v": 1})
    assert places.read() == {"v": 1}
    assert places.record.stat().st_mode & 0o777 == 0o600


def test_tokens_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    places = Places("demo", tmp_path / "demo")
    places.make()
    first = tokens.ensure(places)
    assert tokens.ensure(places) == first
    assert len(set(first.values())) == len(first)
    assert {path.stat().st_mode & 0o777 for path in places.tokens.iterdir()} == {0o600}
    for service in ("manager", "output"):
        assert (places.tokens / f"{service}-operator").read_text().strip() == first["operator"]


def test_a_taken_port_is_left_and_the_other_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert not ports.is_free(taken.getsockname()[1])
    with Claims() as claims:
        chosen = ports.choose(claims)
    assert len({chosen[name] for name in ports.USUAL}) == len(ports.USUAL)
    assert chosen["tasks_last"] - chosen["tasks_first"] == ports.TASK_PORTS - 1
    assert set(ports.moved({**ports.USUAL, "consul_http": 18500})) == {8500}


def test_a_process_is_known_by_its_start_and_stopped(tmp_path: Path) -> None:
    process = processes.start([sys.executable, "-c", "input()"], tmp_path / "log")
    # Its standard input is empty, so it ends by itself; a sleeper does not.
    until("its end", lambda: not process.alive, 10)
    sleeper = processes.start([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "log")
    assert sleeper.alive
    assert not processes.Process(sleeper.pid, "another start").alive
    assert processes.stop(sleeper, 10)
    assert not sleeper.alive


def test_one_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code = f"{ignore}; print('deaf', flush=True); time.sleep(60)"
    deaf = processes.start([sys.executable, "-c", code], tmp_path / "log")
    until("its word", lambda: "deaf" in (tmp_path / "log").read_text(encoding="utf-8"), 10)
    assert processes.stop(deaf, 0.2) is False
    assert not deaf.alive


def test_strays_are_found_by_the_folder_that_they_name(tmp_path: Path) -> None:
    stray = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", str(tmp_path / "x")])
    try:
        assert [each.pid for each in processes.strays(tmp_path)] == [stray.pid]
    finally:
        stray.kill()
        stray.wait()
    assert processes.strays(tmp_path) == []


def test_the_second_of_two_waits(tmp_path: Path) -> None:
    places = Places("demo", tmp_path)
    code = (
        "import sys; from pathlib import Path\n"
        "from hoploom.local.lock import alone; from hoploom.local.places import Places\n"
        "with alone(Places('demo', Path(sys.argv[1])), lambda: print('waiting', flush=True)): print('in', flush=True)"
    )
    with alone(places, lambda: pytest.fail("nobody else is there")):
        other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "waiting\n"
    assert other.communicate(timeout=10)[0] == "in\n"
