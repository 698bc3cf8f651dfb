"""The lab of real hosts: what it promises to the tests that stand on it."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.hosts import Host, Lab, leftovers, unmet
from waiting import until

pytestmark = pytest.mark.skipif(unmet() is not None, reason=unmet() or "")
TESTS = Path(__file__).resolve().parents[1]
REACH = "timeout 2 bash -c 'exec 3<>/dev/tcp/{}/22'"
KILLED = """
from lab.hosts import Host, Lab
with Lab([Host("k1")]) as lab:
    print(lab.folder, lab.keeper.pid, flush=True)
    input()
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab([Host("a1", dc="dc1"), Host("b1", dc="dc2", groups=("workers",))], {"answer": 42}) as lab:
        yield lab


def test_hosts_run_systemd_and_answer_over_ssh(lab: Lab) -> None:
    for name in ("a1", "b1"):
        assert lab.ssh(name, "hostname; systemctl is-system-running").out.split() == [name, "running"]


def test_ansible_plays_on_all_hosts_as_a_person_who_may_sudo(lab: Lab) -> None:
    play = lab.folder / "play.yml"
    wanted = {"that": ["answer == 42", "who.stdout == 'root'", "hoploom_dc in group_names"]}
    who = {"ansible.builtin.command": "whoami", "register": "who"}
    tasks = [{"ansible.builtin.ping": {}}, who, {"ansible.builtin.assert": wanted}]
    play.write_text(json.dumps([{"hosts": "all", "become": True, "tasks": tasks}]), encoding="ascii")
    played = lab.playbook(str(play))
    assert played.rc == 0, played.output
    assert {host: counts["changed"] for host, counts in played.stats.items()} == {"a1": 1, "b1": 1}
    assert "workers" in (lab.inventory / "hosts.yml").read_text(encoding="ascii")


@pytest.mark.parametrize("address", ["10.71.2.11", "fd71:2::11"])
def test_a_cut_link_lets_nothing_pass_until_it_is_joined(lab: Lab, address: str) -> None:
    reach = REACH.format(address)
    assert lab.ssh("a1", reach).rc == 0
    lab.cut("dc1", "dc2")
    try:
        assert lab.ssh("a1", reach).rc != 0
        assert lab.ssh("b1", "true").rc == 0, "the controller reaches every host all the same"
    finally:
        lab.join("dc1", "dc2")
    assert lab.ssh("a1", reach).rc == 0


def test_a_host_without_power_is_gone_and_has_its_disk_when_it_boots_again(lab: Lab) -> None:
    before = lab.ssh("a1", "touch /var/lib/kept; cat /etc/machine-id")
    lab.power_off("a1")
    assert lab.ssh("a1", "true").rc == 255
    lab.boot("a1")
    after = lab.ssh("a1", "cat /etc/machine-id; ls /var/lib/kept").out.split()
    assert after == [before.out.split()[0], "/var/lib/kept"]


def test_the_mirror_serves_what_is_put_into_its_folder(lab: Lab) -> None:
    (lab.mirror_folder / "file").write_text("served", encoding="ascii")
    assert lab.ssh("b1", f"curl -sf {lab.mirror}/file").out == "served"
    assert lab.call("GET", "http://10.71.1.1:8071/file")[:2] == (200, b"served")
    assert "consul_" in lab.ssh("a1", f"curl -sf {lab.mirror}/SHA256SUMS").out


def test_a_host_installs_a_package_that_the_mirror_offers_and_no_other(lab: Lab) -> None:
    lab.offer_packages("iputils-ping")
    install = "apt-get -q update && apt-get -q install -y --no-install-recommends"
    installed = lab.ssh("b1", f"{install} iputils-ping && ping -c1 a1", timeout_s=120)
    assert installed.rc == 0, installed.err
    assert lab.ssh("b1", f"{install} traceroute").rc != 0


def test_the_edge_is_behind_masquerade_and_a_host_of_ipv6_only_finds_others_by_name() -> None:
    with Lab([Host("a1"), Host("c1", dc="edge"), Host("d1", dc="dc2", addresses="6")]) as lab:
        listening = lab.keeper.within(lambda: socket.create_server(("10.71.1.1", 8072)))
        with listening:
            assert lab.ssh("c1", "exec 3<>/dev/tcp/10.71.1.1/8072").rc == 0
            caller, peer = listening.accept()
            caller.close()
        assert peer[0] == "10.71.1.254", "the router's address, not its own"
        assert lab.ssh("c1", REACH.format("10.71.1.11")).rc == 0
        assert lab.ssh("a1", REACH.format("192.168.71.11")).rc != 0, "nobody calls into the edge"
        assert lab.ssh("d1", "ip -4 -brief address show dev eth0").out == ""
        assert lab.ssh("d1", REACH.format("a1")).rc == 0
        assert lab.ssh("d1", f"curl -sf {lab.mirror}/SHA256SUMS").rc == 0


def test_a_killed_run_takes_its_hosts_along_and_the_next_removes_the_rest() -> None:
    command = [sys.executable, "-c", KILLED]
    environ = {"PYTHONPATH": f"{TESTS}:{TESTS.parent / 'services'}", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ)
    assert run.stdout is not None and run.stdin is not None
    folder, keeper = run.stdout.readline().split()
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    run.stdin.close()
    until("the lab's end", lambda: not Path("/proc", keeper).exists(), within_s=20)
    name = Path(folder).name
    assert name in {path.name for path in leftovers.found()}

    def is_gone() -> bool:
        leftovers.remove()
        return name not in {path.name for path in leftovers.found()}

    until("nothing left of it", is_gone, within_s=20)
    assert not Path(folder).exists()
