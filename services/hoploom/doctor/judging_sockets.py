"""What it means which sockets may be opened: who can probe, and the one line that would allow more. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from hoploom.doctor.facts import BETTER, OK, STOPS, Facts, Finding
from hoploom.prober.privileges import PING_GROUPS, closed_namespace, lasting_sysctl, sysctl

UNIT_LINE = "AmbientCapabilities=CAP_NET_RAW in the [Service] section of a systemd unit"
CONTAINER_LINE = "docker run --cap-add=NET_RAW ..."


def of_sockets(facts: Facts) -> Iterator[Finding]:
    """Findings about raw and datagram sockets, user namespaces, IPv6 and the engine."""
    yield _engine(facts)
    yield _raw(facts)
    yield _datagram(facts)
    yield _namespace(facts)
    if 4 not in facts.host.routes:  # noqa: PLR2004
        yield Finding(name="ipv4", verdict=BETTER, sentence="This host has no IPv4 route to the world.")
    yield _ipv6(facts)


def _engine(facts: Facts) -> Finding:
    sockets = facts.sockets
    if sockets.engine:
        return Finding(name="engine", verdict=OK, sentence=f"Probes are sent by: {sockets.engine}.")
    only = "nothing can be probed" if sockets.namespace else "only loopback can be probed, in a namespace of its own"
    line, lasting = _allowing(facts)
    return Finding(
        name="engine",
        verdict=STOPS,
        sentence=f"Neither raw nor datagram ICMP sockets are allowed: {only}.",
        line=line,
        lasting=lasting,
    )


def _allowing(facts: Facts) -> tuple[str, str]:
    """The lines that would let this process probe at all: one that is for now, and one that lasts."""
    if facts.process.user == 0:
        return CONTAINER_LINE, ""
    if facts.host.ping_groups is not None:
        return sysctl(*PING_GROUPS), lasting_sysctl(*PING_GROUPS)
    return "sudo hoploom ...", ""


def _raw(facts: Facts) -> Finding:
    sockets, process = facts.sockets, facts.process
    if not sockets.raw:
        return Finding(name="raw sockets", verdict=OK, sentence="Allowed: a million probes may be in flight.")
    said = f"Not allowed ({sockets.raw})"
    if process.user == 0:
        return Finding(
            name="raw sockets", verdict=BETTER, sentence=f"{said}: this container lacks CAP_NET_RAW.",
            line=CONTAINER_LINE,
        )  # fmt: skip
    if not process.may_gain:
        return Finding(
            name="raw sockets", verdict=BETTER, lasting=UNIT_LINE,
            sentence=f"{said}, and this process may gain no privileges (no_new_privs): start it with the capability.",
        )  # fmt: skip
    return Finding(
        name="raw sockets",
        verdict=BETTER,
        sentence=f"{said}: with them more than 65,536 probes may be in flight; setcap gives them to every script of "
                 "this Python, a unit to one service.",
        line=f"sudo setcap cap_net_raw+ep {process.executable}" if process.platform == "linux" else "",
        lasting=UNIT_LINE if process.platform == "linux" else "",
    )  # fmt: skip


def _datagram(facts: Facts) -> Finding:
    """Its line stands with the engine, where it is missed."""
    sockets = facts.sockets
    said = f"{'Not allowed' if sockets.datagram else 'Allowed'}{_who(facts)}"
    if sockets.datagram and not sockets.raw:
        said += "; raw ones are, so nobody misses them"
    verdict = BETTER if sockets.datagram and sockets.raw else OK
    return Finding(name="datagram sockets", verdict=verdict, sentence=f"{said}.")


def _who(facts: Facts) -> str:
    """Who is in the range of groups, in words."""
    if facts.host.ping_groups is None:
        return ""
    first, last = facts.host.ping_groups
    if first > last:
        return ": ping_group_range has nobody in it"
    inside = any(first <= group <= last for group in facts.process.groups)
    return f": ping_group_range is {first} to {last}, this process is {'inside' if inside else 'not inside'}"


def _namespace(facts: Facts) -> Finding:
    sockets = facts.sockets
    if not sockets.namespace:
        return Finding(
            name="user namespaces", verdict=OK,
            sentence="Allowed: whoever may open no socket still probes loopback, as the local demo does.",
        )  # fmt: skip
    closed = closed_namespace(facts.host.namespace_limits)
    # Who may probe needs none of it.
    verdict = OK if sockets.engine else BETTER
    said = "Not allowed; only who may open no socket would need one, for the local demo."
    if closed is None or verdict == OK:
        return Finding(name="user namespaces", verdict=verdict, sentence=said)
    return Finding(
        name="user namespaces", verdict=verdict, sentence=said, line=sysctl(*closed), lasting=lasting_sysctl(*closed)
    )


def _ipv6(facts: Facts) -> Finding:
    sockets = facts.sockets
    if sockets.engine and sockets.raw6 and sockets.datagram6:
        name, value = "net.ipv6.conf.all.disable_ipv6", "0"
        return Finding(
            name="ipv6", verdict=BETTER, sentence=f"No socket ({sockets.raw6}): IPv6 targets fail to send.",
            line=sysctl(name, value), lasting=lasting_sysctl(name, value),
        )  # fmt: skip
    if 6 in facts.host.routes:  # noqa: PLR2004
        return Finding(name="ipv6", verdict=OK, sentence="There is a way to the world.")
    said = "This host has no IPv6 route to the world: such targets fail to send, and their leases go back."
    return Finding(name="ipv6", verdict=BETTER, sentence=said)
