"""What is said about hosts of all kinds."""

from dataclasses import replace
from typing import Any

import pytest

from hoploom.doctor.facts import BETTER, OK, STOPS, Facts, Finding, Host, Process, Sockets, Surroundings
from hoploom.doctor.judging import can_probe, judge

DENIED = "Operation not permitted"
CLOSED = Sockets(raw=DENIED, datagram="Permission denied", raw6=DENIED, datagram6=DENIED, engine="", buffer_bytes=0)
DATAGRAM = Sockets(raw=DENIED, raw6=DENIED, engine="linux datagram", buffer_bytes=8 << 20)
SHUT = replace(CLOSED, namespace="No user namespace may be made here")
GROUPS = 'sudo sysctl -w net.ipv4.ping_group_range="0 2147483647"'
SETCAP = "sudo setcap cap_net_raw+ep /usr/bin/python3.11"
UNIT = "AmbientCapabilities=CAP_NET_RAW in the [Service] section of a systemd unit"
CONTAINER = "docker run --cap-add=NET_RAW ..."


def found(name: str, **facts: Any) -> Finding:
    (finding,) = [each for each in judge(Facts(**facts)) if each.name == name]
    return finding


@pytest.mark.parametrize(
    ("what", "sockets", "good"),
    [
        ("root", Sockets(datagram="Permission denied"), True),
        ("an ordinary user of an open range", DATAGRAM, True),
        ("an ordinary user of a closed range", CLOSED, False),
        ("one whose namespaces are closed too", SHUT, False),
    ],
)
def test_who_can_probe_other_hosts(what: str, sockets: Sockets, good: bool) -> None:
    assert can_probe(judge(Facts(sockets=sockets))) is good, what


def test_a_host_as_it_should_be_is_fine_all_over_and_needs_no_line() -> None:
    findings = judge(Facts(surroundings=Surroundings(engines={"consul": "1.22.7"})))
    assert {each.verdict for each in findings} == {OK}
    assert not any(each.line or each.lasting for each in findings)


@pytest.mark.parametrize(
    ("what", "facts", "name", "verdict", "words", "line"),
    [
        ("the engine is named", {}, "engine", OK, "linux raw", ""),
        ("a closed range stops probing", {"sockets": CLOSED}, "engine", STOPS, "only loopback", GROUPS),
        ("nothing at all", {"sockets": SHUT}, "engine", STOPS, "nothing can be probed", GROUPS),
        ("root in a container", {"sockets": CLOSED, "process": Process(user=0)}, "engine", STOPS, "Neither", CONTAINER),
        ("a system without such a range", {"sockets": CLOSED, "host": Host(ping_groups=None)}, "engine", STOPS,
         "Neither", "sudo hoploom ..."),
        ("raw sockets are refused", {"sockets": DATAGRAM}, "raw sockets", BETTER, "65,536 probes", SETCAP),
        ("root without the capability", {"sockets": CLOSED, "process": Process(user=0)}, "raw sockets", BETTER,
         "CAP_NET_RAW", CONTAINER),
        ("a process that may gain nothing", {"sockets": DATAGRAM, "process": Process(may_gain=False)}, "raw sockets",
         BETTER, "no_new_privs", ""),
        ("another system", {"sockets": DATAGRAM, "process": Process(platform="darwin")}, "raw sockets", BETTER,
         "Not allowed", ""),
        ("nobody in the range", {"sockets": CLOSED}, "datagram sockets", BETTER, "nobody in it", ""),
        ("not in the range", {"sockets": CLOSED, "host": Host(ping_groups=(0, 0))}, "datagram sockets", BETTER,
         "0 to 0, this process is not inside", ""),
        ("in the range", {"sockets": DATAGRAM, "host": Host(ping_groups=(0, 9999))}, "datagram sockets", OK,
         "0 to 9999, this process is inside", ""),
        ("datagram ones nobody needs", {"sockets": Sockets(datagram=DENIED)}, "datagram sockets", OK, "raw ones", ""),
        ("namespaces allowed", {}, "user namespaces", OK, "Allowed", ""),
        ("namespaces nobody needs", {"sockets": replace(DATAGRAM, namespace=DENIED)}, "user namespaces", OK, "Not", ""),
        ("Ubuntu", {"sockets": SHUT, "host": Host(namespace_limits={
            "user.max_user_namespaces": 5000, "kernel.apparmor_restrict_unprivileged_userns": 1})},
         "user namespaces", BETTER, "Not", "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
        ("old Debian", {"sockets": SHUT, "host": Host(namespace_limits={"kernel.unprivileged_userns_clone": 0})},
         "user namespaces", BETTER, "Not", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
        ("none at all", {"sockets": SHUT, "host": Host(namespace_limits={"user.max_user_namespaces": 0})},
         "user namespaces", BETTER, "Not", "sudo sysctl -w user.max_user_namespaces=15000"),
        ("forbidden by something else", {"sockets": SHUT}, "user namespaces", BETTER, "Not", ""),
        ("IPv6 switched off", {"sockets": Sockets(raw6="No such protocol", datagram6="No such protocol")}, "ipv6",
         BETTER, "fail to send", "sudo sysctl -w net.ipv6.conf.all.disable_ipv6=0"),
        ("no IPv6 route", {"host": Host(routes=(4,))}, "ipv6", BETTER, "no IPv6 route", ""),
        ("no IPv4 route", {"host": Host(routes=(6,))}, "ipv4", BETTER, "no IPv4 route", ""),
        ("32 bits", {"process": Process(bits=32, machine="armv7l")}, "python", BETTER, "portable", ""),
        ("a small buffer", {"sockets": replace(DATAGRAM, buffer_bytes=425_984)}, "receive buffer", BETTER, "0.4 MB",
         "sudo sysctl -w net.core.rmem_max=67108864"),
        ("a small buffer elsewhere", {"sockets": replace(DATAGRAM, buffer_bytes=42), "host": Host(rmem_max=0)},
         "receive buffer", BETTER, "0.0 MB", ""),
        ("no time stamps", {"sockets": Sockets(has_stamps=False)}, "time stamps", BETTER, "Python", ""),
        ("a small connection table", {"host": Host(conntrack=(70, 65_536))}, "conntrack", BETTER, "above 2,184 packets",
         "sudo sysctl -w net.netfilter.nf_conntrack_max=600000"),
        ("a large connection table", {"host": Host(conntrack=(70, 1_000_000))}, "conntrack", OK, "1,000,000", ""),
        ("a clock on its own", {"host": Host(is_synchronized=False)}, "clock", BETTER, "wrong dates",
         "sudo timedatectl set-ntp true"),
        ("a clock long on its own", {"host": Host(clock_error_us=16_000_000)}, "clock", BETTER, "wrong dates",
         "sudo timedatectl set-ntp true"),
        ("a clock that nobody knows", {"host": Host(is_synchronized=None)}, "clock", OK, "does not say", ""),
        ("few open files", {"process": Process(open_files=256)}, "open files", BETTER, "256", "ulimit -n 65536"),
        ("an engine missing", {"surroundings": Surroundings(engines={"consul": "1.22.7", "nomad": ""})}, "engines",
         BETTER, "nomad not found", "hoploom engines --ensure"),
        ("a port taken", {"surroundings": Surroundings(taken={8500: "Consul"})}, "ports", BETTER, "8500 (Consul)", ""),
        ("a full disk", {"surroundings": Surroundings(free_bytes=10 << 20)}, "disk", BETTER, "0.0 GB", ""),
        ("somebody else's disk", {"surroundings": Surroundings(is_writable=False)}, "disk", BETTER, "may not write",
         "export HOPLOOM_STATE=/a/folder/of/yours"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_fact(
    what: str, facts: dict[str, Any], name: str, verdict: str, words: str, line: str
) -> None:
    finding = found(name, **facts)
    assert (finding.verdict, finding.line) == (verdict, line), what
    assert words in finding.sentence and finding.sentence.endswith("."), what


def test_what_is_not_there_is_not_judged() -> None:
    names = {each.name for each in judge(Facts(sockets=CLOSED))}
    assert names.isdisjoint({"conntrack", "receive buffer", "time stamps", "ipv4"})


def test_a_line_that_lasts_stands_beside_one_for_now() -> None:
    finding = found("engine", sockets=CLOSED)
    assert finding.lasting == (
        "echo 'net.ipv4.ping_group_range = 0 2147483647' | sudo tee /etc/sysctl.d/60-ping-group-range.conf"
    )
    assert found("raw sockets", sockets=DATAGRAM).lasting == UNIT
