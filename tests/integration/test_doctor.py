"""The doctor on this host: as root, and as an ordinary user to whom sockets are open and closed."""

import json
import subprocess
import sys
from typing import Any

import pytest

from hoploom.doctor import reading
from hoploom.doctor.facts import BETTER, STOPS
from lab.ordinary_user import as_nobody, needs_setpriv

DOCTOR = ("-c", "import sys; from hoploom.cli.main import main; sys.exit(main(sys.argv[1:]))", "doctor")


def verdicts(document: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["verdict"] for each in document["findings"]}


@needs_setpriv
def test_root_probes_by_raw_sockets() -> None:
    ran = subprocess.run([sys.executable, *DOCTOR, "--json"], capture_output=True, text=True, check=False)
    document = json.loads(ran.stdout)
    assert (ran.returncode, document["can_probe"]) == (0, True), ran.stderr
    assert document["facts"]["sockets"]["engine"].endswith("raw")
    assert document["facts"]["process"]["bits"] in (32, 64)


@needs_setpriv
@pytest.mark.parametrize(("in_range", "code", "engine"), [(True, 0, "datagram"), (False, 1, "")])
def test_an_ordinary_user_probes_by_what_the_range_allows(*, in_range: bool, code: int, engine: str) -> None:
    ran = as_nobody(*DOCTOR, "--json", in_range=in_range)
    document = json.loads(ran.stdout)
    assert (ran.returncode, document["can_probe"]) == (code, in_range), ran.stderr
    assert document["facts"]["sockets"]["engine"].endswith(engine)
    found = verdicts(document)
    assert found["raw sockets"] == BETTER
    assert (found["engine"] == STOPS) is not in_range
    assert document["facts"]["host"]["routes"] == []
    assert found["disk"] == BETTER


@needs_setpriv
def test_a_person_reads_the_line_that_would_allow_more() -> None:
    ran = as_nobody(*DOCTOR)
    assert ran.returncode == 1 and ran.stderr == ""
    assert '-> sudo sysctl -w net.ipv4.ping_group_range="0 2147483647"\n' in ran.stdout
    assert "AmbientCapabilities=CAP_NET_RAW" in ran.stdout


def test_reading_changes_nothing_and_twice_says_the_same() -> None:
    first, second = reading.read(), reading.read()
    assert (first.process, first.sockets) == (second.process, second.sockets)
