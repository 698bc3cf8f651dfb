"""Every engine against the same hosts: the kernel's own, silent ones, and scripted ones that lie."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Callable

import icmplib
import numpy as np
import pytest

from hoploom.prober.engine import Engine as Core
from hoploom.prober.interface import PingColumns, Prober, ProbeSettings, Way, open_prober
from hoploom.prober.linux_port import LinuxPort
from hoploom.prober.probes import DUPLICATE, ICMP_ERROR, REPLY, TIMED_OUT, UNSENT, Heard
from hoploom.wire.addresses import column, texts
from hoploom.wire.batch import ANSWERED, FAILED, LOST, UNREACHABLE
from lab.namespace import needs_root
from lab.probers import ENGINES, SILENT, SOON, Engine, block, ping, run
from lab.scripted_host import Answer, Request, ScriptedHost, checksummed, echo_reply, error

# Who answers too late for SOON is lost.
pytestmark = [needs_root, pytest.mark.timed(0.05)]

OTHER = "127.0.9.9"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


def scripted(
    engine: Engine, script: Callable[[Request], list[Answer]], *targets: str, attribution: str = ""
) -> tuple[PingColumns, Prober, list[Request]]:
    """Ping scripted hosts; one more, silent, keeps the prober listening until the time is up."""

    async def body() -> tuple[PingColumns, Prober, list[Request]]:
        quiet = "127.200.0.1"
        with engine(attribution) as prober, ScriptedHost(lambda r: [] if r.destination == quiet else script(r)) as host:
            return await prober.ping(column([*targets, quiet]), SOON), prober, host.requests

    result: tuple[PingColumns, Prober, list[Request]] = run(body, SILENT)
    return result


def test_every_address_of_a_block_answers_exactly_once(engine: Engine) -> None:
    found, prober = ping(engine, block(4096), ProbeSettings(timeout_s=2))
    assert (found.outcome == ANSWERED).all() and len(found) == 4096
    assert (found.sent == 1).all() and (found.received == 1).all() and not found.duplicates.any()
    assert (found.reply_ttl == 64).all()
    assert (found.rtt_min_us >= 0).all() and (found.rtt_max_us < 100_000).all()
    assert (np.diff(found.at_us) >= 0).all() and found.at_us[0] >= 0
    assert (found.icmp_type == -1).all() and not found.icmp_from.any()
    assert prober.statistics.foreign == prober.statistics.unmatched == 0


def test_a_block_that_answers_does_not_wait_for_the_timeout(engine: Engine) -> None:
    async def body() -> float:
        with engine("") as prober:
            started = time.monotonic()
            await prober.ping(block(256), ProbeSettings(timeout_s=30))
            return time.monotonic() - started

    assert run(body) < 5


def test_both_families_in_any_order_keep_their_rows(engine: Engine) -> None:
    addresses = ["::1", "127.0.0.1", "fd00::1", "127.3.2.1", "fd00::2"]
    added = [f"ip addr add fd00::{n}/64 dev lo nodad" for n in (1, 2)]
    # The kernel makes an address its own a moment after the command has ended.
    ready = [f"until ip -6 route show table local | grep -q fd00::{n}; do :; done" for n in (1, 2)]
    found, _ = ping(engine, column(addresses), SOON, *added, *ready)
    assert (found.outcome == ANSWERED).all()
    assert (found.reply_ttl == 64).all()


def test_silent_targets_are_lost(engine: Engine) -> None:
    found, prober = ping(engine, block(300), SOON, SILENT)
    assert (found.outcome == LOST).all() and (found.sent == 1).all() and not found.received.any()
    assert (found.rtt_min_us == -1).all() and (found.reply_ttl == -1).all()
    assert prober.statistics.sent == 300


def test_targets_without_a_route_fail_to_send(engine: Engine) -> None:
    targets = column(["203.0.113.1", "127.0.0.1", "10.66.0.1", "2001:db8::1"])
    found, prober = ping(engine, targets, SOON, "ip route add unreachable 10.66.0.0/24")
    assert found.outcome.tolist() == [FAILED, ANSWERED, FAILED, FAILED]
    assert found.sent.tolist() == [0, 1, 0, 0]
    assert prober.statistics.send_errors == 3


def test_a_family_without_a_socket_fails_to_send() -> None:
    def ipv4_only(attribution: str) -> Prober:
        return Core("tested", {4: LinuxPort(4, is_raw=True)}, attribution)

    found, _ = ping(ipv4_only, column(["::1", "127.0.0.1"]))
    assert found.outcome.tolist() == [FAILED, ANSWERED]


@pytest.mark.parametrize("quoted", [8, 1000], ids=["eight bytes quoted", "all quoted"])
@pytest.mark.parametrize(("icmp_type", "icmp_code"), [(3, 1), (3, 13), (11, 0)])
def test_an_icmp_error_is_told_with_type_code_and_sender(
    engine: Engine, icmp_type: int, icmp_code: int, quoted: int
) -> None:
    found, prober, _ = scripted(
        engine, lambda r: [Answer(OTHER, error(r, icmp_type, icmp_code, quoted))], "127.6.0.1", "127.6.0.2"
    )
    assert found.outcome.tolist() == [UNREACHABLE, UNREACHABLE, LOST]
    assert found.icmp_type.tolist() == [icmp_type, icmp_type, -1]
    assert found.icmp_code.tolist() == [icmp_code, icmp_code, -1]
    assert texts(found.icmp_from) == [OTHER, OTHER, ""]
    assert prober.statistics.errors == 2


def test_a_reply_after_an_error_counts_as_answered(engine: Engine) -> None:
    found, _, _ = scripted(
        engine, lambda r: [Answer(OTHER, error(r, 3, 1)), Answer(r.destination, echo_reply(r))], "127.6.0.1"
    )
    assert found.outcome[0] == ANSWERED and found.icmp_type[0] == 3


def test_duplicates_are_counted_and_change_no_time(engine: Engine) -> None:
    found, prober, _ = scripted(engine, lambda r: [Answer(r.destination, echo_reply(r))] * 3, "127.6.0.1", "127.6.0.2")
    assert found.outcome.tolist() == [ANSWERED, ANSWERED, LOST]
    assert found.received.tolist() == [1, 1, 0] and found.duplicates.tolist() == [2, 2, 0]
    assert prober.statistics.duplicates == 4


def test_a_reply_from_another_address_is_foreign_and_its_target_lost(engine: Engine) -> None:
    found, prober, _ = scripted(engine, lambda r: [Answer(OTHER, echo_reply(r))], "127.6.0.1")
    assert found.outcome[0] == LOST and prober.statistics.foreign == 1


def test_an_error_that_quotes_another_destination_is_foreign(engine: Engine) -> None:
    def rewritten(request: Request) -> list[Answer]:
        packet = request.packet[:16] + bytes([127, 9, 9, 9]) + request.packet[20:]
        return [Answer(OTHER, error(request._replace(packet=packet), 3, 1))]

    found, prober, _ = scripted(engine, rewritten, "127.6.0.1")
    assert found.outcome[0] == LOST and prober.statistics.foreign == 1


@pytest.mark.parametrize(
    ("what", "mangle"),
    [
        ("another cookie", lambda m: m[:8] + bytes(8) + m[16:]),
        ("no payload", lambda m: m[:8]),
        ("another sequence number", lambda m: m[:6] + bytes([m[6] ^ 0x40]) + m[7:]),
    ],
)
def test_a_mangled_reply_is_unmatched(engine: Engine, what: str, mangle: Callable[[bytes], bytes]) -> None:
    found, prober, _ = scripted(
        engine, lambda r: [Answer(r.destination, checksummed(mangle(echo_reply(r))))], "127.6.0.1"
    )
    assert found.outcome[0] == LOST and prober.statistics.unmatched == 1, what


@pytest.mark.parametrize("length", [2, 4, 7])
def test_truncated_messages_stop_nothing(engine: Engine, length: int) -> None:
    found, _, _ = scripted(
        engine,
        lambda r: [
            Answer(r.destination, bytes([3, 1, 0, 0] + [0] * 4)[:length]),
            Answer(r.destination, checksummed(bytes([3, 1]) + bytes(6) + r.packet[: 10 + length])),
            Answer(r.destination, echo_reply(r)),
        ],
        "127.6.0.1",
    )
    assert found.outcome[0] == ANSWERED


def test_messages_of_65_kilobytes_stop_nothing(engine: Engine) -> None:
    def flood(request: Request) -> list[Answer]:
        longer = checksummed(echo_reply(request) + bytes(65_000))
        other = checksummed(bytes([3, 1, 0, 0, 0, 0, 0, 0]) + bytes(65_000))
        return [Answer(OTHER, other), Answer(request.destination, longer), Answer(request.destination, b"\0" * 65_000)]

    found, prober, _ = scripted(engine, flood, "127.6.0.1", "127.6.0.2")
    assert found.outcome.tolist() == [ANSWERED, ANSWERED, LOST] and prober.statistics.received == 2


def test_the_ttl_and_tos_that_were_asked_for_leave(engine: Engine) -> None:
    async def body() -> list[Request]:
        with engine("") as prober, ScriptedHost(lambda r: []) as host:
            await prober.ping(column(["127.6.0.1"]), ProbeSettings(timeout_s=0.1, ttl=9, tos=0x10))
            await prober.ping(column(["127.6.0.1"]), ProbeSettings(timeout_s=0.1))
        return host.requests

    asked, usual = run(body, SILENT)
    assert (asked.packet[8], asked.packet[1]) == (9, 0x10) and (usual.packet[8], usual.packet[1]) == (64, 0)


def test_the_attribution_starts_the_payload(engine: Engine) -> None:
    url = "https://example.net/probes"
    found, _, requests = scripted(
        engine, lambda r: [Answer(r.destination, echo_reply(r))], "127.6.0.1", attribution=url
    )
    assert found.outcome[0] == ANSWERED
    assert requests[0].message[8:].startswith(url.encode() + b"\0")
    assert len(requests[0].message) == 8 + 56


def test_a_large_payload_comes_back(engine: Engine) -> None:
    found, _ = ping(engine, block(3), ProbeSettings(size_bytes=9001, timeout_s=0.5))
    assert (found.outcome == ANSWERED).all()


def test_a_random_payload_is_no_two_times_the_same(engine: Engine) -> None:
    async def body() -> list[bytes]:
        with engine("") as prober, ScriptedHost(lambda r: [Answer(r.destination, echo_reply(r))]) as host:
            for _ in range(2):
                found = await prober.ping(column(["127.6.0.1"]), ProbeSettings(timeout_s=0.3, is_random=True))
                assert found.outcome[0] == ANSWERED
            return [request.message[16:] for request in host.requests]

    first, second = run(body, SILENT)
    assert len(first) == len(second) == 48 and first != second and any(first)


@pytest.mark.parametrize("name", ["linux", "portable"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_what_must_not_be_cut_up_fails_to_send_where_it_is_too_large(name: str, address: str) -> None:
    async def body() -> list[int]:
        outcomes = []
        for dont_fragment in (False, True):
            with open_prober(engine=name, way=Way(dont_fragment=dont_fragment)) as prober:
                found = await prober.ping(column([address]), ProbeSettings(timeout_s=1, size_bytes=3000))
                outcomes.append(int(found.outcome[0]))
        return outcomes

    assert run(body, "ip link set lo mtu 1500") == [ANSWERED, FAILED]


def test_an_empty_list_has_no_rows(engine: Engine) -> None:
    found, prober = ping(engine, np.empty((0, 16), np.uint8))
    assert len(found) == 0 and prober.statistics.sent == 0


def test_what_becomes_of_each_request_is_heard_at_once(engine: Engine) -> None:
    heard: list[Heard] = []

    async def body() -> None:
        def script(request: Request) -> list[Answer]:
            if request.destination == "127.6.0.2":
                return [Answer(OTHER, error(request, 3, 1))]
            return [Answer(request.destination, echo_reply(request))] * 2 if request.destination == "127.6.0.1" else []

        with engine("") as prober, ScriptedHost(script):
            targets = column(["127.6.0.1", "127.6.0.2", "127.6.0.3", "203.0.113.1"])
            await prober.ping(targets, ProbeSettings(count=2, interval_s=0, timeout_s=0.2), heard=heard.append)

    run(body, SILENT)
    events = sorted(zip(*(np.concatenate([getattr(each, name) for each in heard]).tolist() for name in
                          ("target", "request", "kind", "icmp_type", "size_bytes")), strict=True))
    assert events == [
        (0, 0, REPLY, -1, 56), (0, 0, DUPLICATE, -1, 56), (0, 1, REPLY, -1, 56), (0, 1, DUPLICATE, -1, 56),
        (1, 0, ICMP_ERROR, 3, 0), (1, 1, ICMP_ERROR, 3, 0),
        (2, 0, TIMED_OUT, -1, 0), (2, 1, TIMED_OUT, -1, 0), (3, 0, UNSENT, -1, 0), (3, 1, UNSENT, -1, 0),
    ]
    rtts = np.concatenate([each.rtt_ns for each in heard])
    kinds = np.concatenate([each.kind for each in heard])
    assert ((rtts >= 0) == np.isin(kinds, (REPLY, DUPLICATE))).all()
    errors = np.concatenate([each.error for each in heard])
    assert (errors == np.where(kinds == UNSENT, errno.ENETUNREACH, 0)).all()


@pytest.mark.parametrize(("is_patient", "expected"), [(False, [ICMP_ERROR]), (True, [ICMP_ERROR, REPLY, DUPLICATE])])
def test_a_patient_ping_hears_what_comes_behind_the_first_answer(
    engine: Engine, is_patient: bool, expected: list[int]
) -> None:
    kinds: list[int] = []

    async def body() -> float:
        with engine("") as prober, ScriptedHost(lambda r: [Answer(OTHER, error(r, 3, 1))]) as host:
            started = time.monotonic()

            def answer_twice() -> None:
                for _ in range(2):
                    host.send(host.requests[0], Answer("127.6.0.1", echo_reply(host.requests[0])))

            def hear(news: Heard) -> None:
                kinds.extend(news.kind.tolist())
                if kinds == [ICMP_ERROR]:
                    asyncio.get_running_loop().call_later(0.1, answer_twice)

            settings = ProbeSettings(timeout_s=0.3, is_patient=is_patient)
            await prober.ping(column(["127.6.0.1"]), settings, heard=hear)
            return time.monotonic() - started

    elapsed = run(body, SILENT)
    assert kinds == expected
    assert (elapsed >= 0.3) == is_patient


def test_icmplib_itself_finds_the_same_hosts(engine: Engine) -> None:
    addresses = ["127.0.0.1", "127.8.0.1"]

    async def body() -> tuple[list[bool], list[bool]]:
        oracle = [(await icmplib.async_ping(each, count=1, timeout=0.2)).is_alive for each in addresses]
        with engine("") as prober:
            found = await prober.ping(column(addresses), SOON)
        return oracle, [bool(each == ANSWERED) for each in found.outcome]

    oracle, ours = run(body)
    assert oracle == ours == [True, True]
