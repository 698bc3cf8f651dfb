"""A whole worker on virtual time: what it probes of leases, what it submits and says, and what stops it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hoploom.kit.errors import ConfigError, NotReady, OutOfSpace, Unavailable
from hoploom.ping_service import work
from hoploom.ping_service.holding import CHUNK_S, MAX_WAITING
from hoploom.ping_service.lease_client import Renewal
from hoploom.ping_service.line import LONGEST_PAUSE_S
from hoploom.ping_service.orders import REVOKED
from hoploom.ping_service.probing import FAMILY_S, SKILL_S
from hoploom.ping_service.spool import Spool
from hoploom.ping_service.station import BEYOND, LONGEST_REST_S, REASONS, SPOOL, UNABLE, UPLINK
from hoploom.ping_service.uplink import UNTIL_S
from hoploom.ping_service.work import Worker
from hoploom.targets import plan
from hoploom.targets.address_set import AddressSet
from hoploom.targets.notation import parse_block
from hoploom.wire.batch import ANSWERED, FAILED, LOST
from hoploom.wire.overlay import OptOut, OverlayDocument
from hoploom.wire.probe import Probe
from unit.ping_service.stations import FakeMesh, FakeProber, lease, on_virtual_time, working

GATEWAY = "8.8.8.8"
WRITE = Spool.write


@asynccontextmanager
async def at_work(
    monkeypatch: pytest.MonkeyPatch, mesh: FakeMesh, prober: FakeProber | None = None, folder: Path | None = None,
    **settings: Any,
) -> AsyncIterator[Worker]:  # fmt: skip
    """A worker that runs."""
    monkeypatch.setattr(work, "open_prober", lambda *_, **__: prober or FakeProber())
    async with working(mesh, folder, **settings) as worker:
        yield worker


def segments(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.segment"))


def overlay(version: int, **changes: Any) -> OverlayDocument:
    return OverlayDocument(version=version, **changes)


@on_virtual_time
async def test_every_target_is_probed_once_and_stored_before_its_lease_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh, prober = FakeMesh(leases=[lease(0, 16), lease(16, 40)]), FakeProber()
    async with at_work(monkeypatch, mesh, prober):
        await asyncio.sleep(5)
    assert mesh.positions == list(range(40))
    assert len({name for _, name in prober.sent_s}) == len(prober.sent_s) == 40
    assert mesh.words == ["done", "done"] and mesh.upto == [16, 40]


@on_virtual_time
async def test_a_slow_lease_goes_in_chunks_that_are_stored_while_the_next_is_probed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mesh = FakeMesh(leases=[lease(0, 250, rate_pps=5)], renewal=Renewal(30, 5))
    async with at_work(monkeypatch, mesh):
        await asyncio.sleep(60)
    assert [batch.stop - batch.start for batch in mesh.batches] == [5 * CHUNK_S] * 5
    assert mesh.positions == list(range(250))
    assert len({batch.batch for batch in mesh.batches}) == 5
    # Renewed meanwhile, each time with what was stored by then.
    assert set(mesh.words[:-1]) == {"renew"} and mesh.words[-1] == "done"
    assert len(mesh.words) >= 5 and mesh.upto == sorted(mesh.upto)


@pytest.mark.parametrize(("campaign", "owner"), [(True, False), (False, True), (False, False)])
@on_virtual_time
async def test_without_both_keys_own_space_is_not_probed_and_its_positions_are_dealt_with(
    monkeypatch: pytest.MonkeyPatch, campaign: bool, owner: bool
) -> None:
    mesh, prober = FakeMesh(leases=[lease(allow_private=campaign)]), FakeProber()
    async with at_work(monkeypatch, mesh, prober, allow_private=owner):
        await asyncio.sleep(3)
    assert prober.sent_s == []
    assert [(batch.start, batch.stop, len(batch.columns)) for batch in mesh.batches] == [(0, 16, 0)]


@pytest.mark.parametrize(
    ("asked", "owner", "mesh_wide", "expected"),
    [(0, 0, 0, None), (0, 50, 0, 50), (20, 50, 0, 20), (50, 20, 0, 20), (50, 20, 10, 10)],
)
@on_virtual_time
async def test_the_smallest_rate_counts(
    monkeypatch: pytest.MonkeyPatch, asked: int, owner: int, mesh_wide: int, expected: float | None
) -> None:
    mesh, prober = FakeMesh(leases=[lease(rate_pps=asked)], overlay=overlay(1, rate_pps=mesh_wide)), FakeProber()
    async with at_work(monkeypatch, mesh, prober, max_rate_pps=owner):
        await asyncio.sleep(3)
    assert prober.asked[0][1].rate_pps == expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"paused": True}, "the campaign is paused"),
        ({"paused_campaigns": ("demo",)}, "the campaign is paused"),
        ({"revoked": ("w",)}, REASONS[REVOKED]),
    ],
)
@on_virtual_time
async def test_a_pause_or_a_revocation_stops_the_sending_within_a_second_and_keeps_what_was_probed(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], reason: str
) -> None:
    mesh, prober = FakeMesh(leases=[lease(0, 250, rate_pps=5)], overlay=overlay(1)), FakeProber()
    async with at_work(monkeypatch, mesh, prober):
        await asyncio.sleep(4)
        mesh.overlay = overlay(2, **changes)
        await asyncio.sleep(20)
    assert max(at_s for at_s, _ in prober.sent_s) < 5.3
    assert mesh.positions == list(range(len(prober.sent_s)))
    assert mesh.words == [reason] and mesh.upto == [len(prober.sent_s)]


@on_virtual_time
async def test_an_opt_out_counts_within_the_lease_that_is_being_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh, prober = FakeMesh(leases=[lease(0, 250, rate_pps=5)], overlay=overlay(1)), FakeProber()
    async with at_work(monkeypatch, mesh, prober):
        await asyncio.sleep(4)
        mesh.overlay = overlay(2, opt_outs=(OptOut(block="127.0.0.0/25"),))
        await asyncio.sleep(60)
    late = [name for at_s, name in prober.sent_s if at_s > 5.3]
    assert late and all(int(name.rpartition(".")[2]) >= 128 for name in late)
    assert mesh.words[-1] == "done" and mesh.upto[-1] == 250


@on_virtual_time
async def test_a_worker_that_is_cut_off_stops_at_the_end_of_its_lease_by_its_own_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mesh, prober = FakeMesh(leases=[lease(0, 250, rate_pps=1)], overlay=overlay(1)), FakeProber()
    async with at_work(monkeypatch, mesh, prober):
        await asyncio.sleep(5)
        mesh.away |= {"ask", "say", "orders", "submit"}
        await asyncio.sleep(100)
    assert 29 < max(at_s for at_s, _ in prober.sent_s) < 30.1


@on_virtual_time
async def test_without_the_output_it_goes_on_for_some_leases_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    leases = [lease(start, start + 10) for start in range(0, 250, 10)]
    mesh, prober = FakeMesh(leases=leases, away={"submit"}), FakeProber()
    async with at_work(monkeypatch, mesh, prober):
        await asyncio.sleep(20)
        assert len(prober.sent_s) == 10 * MAX_WAITING and mesh.words[-1:] == ["renew"]
        mesh.away.clear()
        await asyncio.sleep(30)
    assert mesh.positions == list(range(250))


@on_virtual_time
async def test_a_dead_uplink_counts_for_nothing_and_the_work_goes_back_until_an_anchor_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alive, asked = True, (GATEWAY,)
    mesh = FakeMesh(leases=[lease(0, 100, rate_pps=10, anchors=asked), lease(100, 120, rate_pps=10, anchors=asked)])
    prober = FakeProber(lambda _: ANSWERED if alive else LOST)
    async with at_work(monkeypatch, mesh, prober) as worker:
        await asyncio.sleep(5)
        alive = False
        await asyncio.sleep(30)
        assert worker.station.uplink_dead and worker.report().startswith(REASONS[UPLINK])
        alive = True
        mesh.leases.append(lease(120, 130, anchors=asked))
        await asyncio.sleep(15)
        assert worker.report() == "idle (fake)"
    # All of the chunk in which it died is suspect, and nothing of it counts.
    assert [(batch.start, batch.stop, batch.suspect) for batch in mesh.batches] == [(0, 100, True), (120, 130, False)]
    returned = [(upto, word) for upto, word in zip(mesh.upto, mesh.words, strict=True) if word == REASONS[UPLINK]]
    assert sorted(upto for upto, _ in returned) == [0, 100]


@on_virtual_time
async def test_a_paused_campaign_does_not_keep_a_worker_from_others_though_its_anchors_were_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mesh = FakeMesh(leases=[lease(anchors=(GATEWAY,))])
    prober = FakeProber(lambda name: LOST if name == GATEWAY else ANSWERED)
    async with at_work(monkeypatch, mesh, prober):
        await asyncio.sleep(20)
        mesh.overlay = overlay(1, paused_campaigns=("demo",))
        await asyncio.sleep(30)
        mesh.leases.append(replace(lease(16, 32), campaign="other"))
        await asyncio.sleep(30)
    assert mesh.positions == list(range(16, 32))


@on_virtual_time
async def test_a_campaign_whose_anchors_never_answer_keeps_a_worker_from_others_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mesh = FakeMesh(leases=[lease(anchors=(GATEWAY,))])
    prober = FakeProber(lambda name: LOST if name == GATEWAY else ANSWERED)
    async with at_work(monkeypatch, mesh, prober):
        await asyncio.sleep(UNTIL_S / 2)
        mesh.leases.append(replace(lease(16, 32), campaign="other"))
        assert mesh.positions == []
        await asyncio.sleep(UNTIL_S)
    assert mesh.positions == list(range(16, 32))


@on_virtual_time
async def test_silent_targets_of_a_worker_whose_anchor_answers_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = FakeMesh(leases=[lease(0, 100)])
    prober = FakeProber(lambda name: ANSWERED if name == GATEWAY else LOST)
    async with at_work(monkeypatch, mesh, prober, anchors=GATEWAY):
        await asyncio.sleep(5)
    assert [batch.suspect for batch in mesh.batches] == [False] and mesh.words == ["done"]


@on_virtual_time
async def test_a_family_that_this_machine_cannot_send_to_goes_back_and_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mesh = FakeMesh(leases=[lease(0, 100)])
    async with at_work(monkeypatch, mesh, FakeProber(lambda _: FAILED)):
        await asyncio.sleep(FAMILY_S / 2)
        assert list(mesh.requests[-1].families) == [6]
        await asyncio.sleep(FAMILY_S)
        assert list(mesh.requests[-1].families) == [4, 6]
    assert [batch.suspect for batch in mesh.batches] == [True]
    assert mesh.words == ["this machine sends nothing to these targets"] and mesh.upto == [0]


@on_virtual_time
async def test_a_batch_that_is_refused_for_good_leaves_the_lease_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = FakeMesh(leases=[lease()], refuses=lambda _: True)
    async with at_work(monkeypatch, mesh):
        await asyncio.sleep(5)
    assert mesh.words == ["the output service refuses the results"] and mesh.upto == [0]


@on_virtual_time
async def test_the_longer_results_are_refused_the_less_is_probed_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = True
    mesh = FakeMesh(leases=[lease()] * 1000, refuses=lambda _: refused)
    async with at_work(monkeypatch, mesh):
        await asyncio.sleep(2000)
        assert 6 < len(mesh.sends) < 12
        refused = False
        await asyncio.sleep(LONGEST_REST_S)
    assert len(mesh.batches) > 20


@on_virtual_time
async def test_a_worker_whose_spool_is_over_its_limit_asks_for_nothing_until_the_output_has_taken_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leases = [lease(start, start + 10) for start in range(0, 250, 10)]
    mesh, prober = FakeMesh(leases=leases, away={"submit"}), FakeProber()
    async with at_work(monkeypatch, mesh, prober, spool_bytes=1000) as worker:
        await asyncio.sleep(10)
        assert "asks for no work: the spool is full" in worker.report()
        held_back, asked = len(prober.sent_s), len(mesh.requests)
        assert held_back < 10 * MAX_WAITING
        await asyncio.sleep(10)
        assert (len(prober.sent_s), len(mesh.requests)) == (held_back, asked)
        mesh.away.clear()
        # The longest pause between two tries, and what was held up.
        await asyncio.sleep(2 * LONGEST_PAUSE_S)
        assert worker.station.full == "" and len(mesh.requests) > asked
        await asyncio.sleep(60)
    # What was given back unprobed is another's.
    returned = mesh.words.count(REASONS[SPOOL])
    assert len(mesh.positions) == 250 - 10 * returned == len(prober.sent_s)


@on_virtual_time
async def test_a_full_disk_stops_the_probing_and_what_is_in_hand_is_written_when_there_is_space(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        raise OutOfSpace("the spool cannot be written to: No space left on device")

    mesh, prober = FakeMesh(leases=[lease(0, 250, rate_pps=5)], away={"submit"}, renewal=Renewal(30, 5)), FakeProber()
    with monkeypatch.context() as full:
        async with at_work(full, mesh, prober, tmp_path) as worker:
            full.setattr(Spool, "write", refuse)
            await asyncio.sleep(CHUNK_S + 10)
            # The second chunk was under way when the first could not be written.
            sent = len(prober.sent_s)
            assert 5 * CHUNK_S <= sent <= 6 * CHUNK_S
            assert "No space left" in worker.report() and segments(tmp_path) == []
            full.setattr(Spool, "write", WRITE)
            await asyncio.sleep(5)
            assert segments(tmp_path) and worker.station.full == ""
            mesh.away.clear()
            await asyncio.sleep(10)
    assert mesh.positions == list(range(sent))
    assert mesh.words[-1] == REASONS[SPOOL] and mesh.upto[-1] == sent


@on_virtual_time
async def test_results_that_the_disk_does_not_take_are_sent_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OutOfSpace("the spool cannot be written to: No space left on device")

    mesh = FakeMesh(leases=[lease()])
    monkeypatch.setattr(Spool, "write", refuse)
    async with at_work(monkeypatch, mesh):
        await asyncio.sleep(5)
    assert mesh.positions == list(range(16)) and mesh.words == ["done"]


@on_virtual_time
async def test_what_an_earlier_run_has_sealed_is_sent_before_all_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mesh = FakeMesh(leases=[lease(0, 16), lease(16, 32)], away={"submit"})
    async with at_work(monkeypatch, mesh, folder=tmp_path):
        await asyncio.sleep(5)
    left = segments(tmp_path)
    assert len(left) == 2 and mesh.batches == []
    mesh.away.clear()
    mesh.leases.append(lease(32, 48))
    async with at_work(monkeypatch, mesh, folder=tmp_path):
        await asyncio.sleep(5)
    assert [f"{batch.batch}.segment" for batch in mesh.batches][:2] == [name[13:] for name in left]
    assert mesh.positions == list(range(48)) and segments(tmp_path) == []


@on_virtual_time
async def test_refused_batches_are_said_to_lie_in_quarantine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mesh = FakeMesh(leases=[lease(0, 16), lease(16, 32)], refuses=lambda _: True)
    async with at_work(monkeypatch, mesh, folder=tmp_path) as worker:
        await asyncio.sleep(20)
        assert worker.report() == "idle (fake); 2 batches in quarantine"
    assert segments(tmp_path) == [] and len(segments(tmp_path / "quarantine")) == 2


@on_virtual_time
async def test_who_leaves_gives_back_what_it_has_not_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh, prober = FakeMesh(leases=[lease(0, 100, rate_pps=2), lease(100, 110)]), FakeProber()
    async with at_work(monkeypatch, mesh, prober) as worker:
        await asyncio.sleep(4)
        async with asyncio.timeout(2):
            await worker.leave()
        stored = len(prober.sent_s)
    assert mesh.positions == list(range(stored)) and set(mesh.words) == {"this worker stops"}
    assert stored in mesh.upto and stored < 100


@on_virtual_time
async def test_targets_that_cannot_be_fetched_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = FakeMesh(leases=[lease()], away={"address_set"})
    async with at_work(monkeypatch, mesh):
        await asyncio.sleep(3)
        mesh.away.clear()
        await asyncio.sleep(3)
    assert mesh.words == ["done"]


class Broken(FakeProber):
    """Its sockets break at the first ping."""

    async def ping(self, *_: Any) -> Any:
        if not self.asked:
            self.asked.append(([], None))  # type: ignore[arg-type]
            raise Unavailable("the network is down")
        return await super().ping(*_)


@on_virtual_time
async def test_sockets_that_break_are_opened_anew_and_the_lease_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh, prober = FakeMesh(leases=[lease(0, 16), lease(16, 32)]), Broken()
    async with at_work(monkeypatch, mesh, prober):
        await asyncio.sleep(20)
    assert mesh.words == ["this worker's sockets broke"] * 2


@on_virtual_time
async def test_a_worker_without_a_socket_says_why_and_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> FakeProber:
        raise ConfigError("no ICMP socket: set ping_group_range")

    mesh = FakeMesh(leases=[lease()])
    monkeypatch.setattr(work, "open_prober", refuse)
    async with working(mesh) as worker:
        await asyncio.sleep(30)
        with pytest.raises(NotReady, match="no ICMP socket"):
            await worker.can_probe()
    assert mesh.requests == []


class LoopbackOnly(FakeProber):
    """Reaches nothing but loopback, where not even the gateway is."""

    name, is_loopback_only = "fake raw (loopback only, own namespace)", True


@on_virtual_time
async def test_a_worker_that_reaches_loopback_alone_probes_it_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh, prober = FakeMesh(leases=[lease(anchors=(GATEWAY,))]), LoopbackOnly()
    async with at_work(monkeypatch, mesh, prober, anchors=GATEWAY) as worker:
        await asyncio.sleep(3)
        assert "loopback only: `hoploom doctor`" in worker.report()
    assert mesh.words == ["done"] and len(prober.sent_s) == 16


@on_virtual_time
async def test_what_it_cannot_reach_goes_back_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh, prober = FakeMesh(leases=[lease(0, 8)]), LoopbackOnly()
    mixed = plan.make("demo", [parse_block("127.0.0.0/30"), parse_block("10.0.0.0/30")], [],
                      plan.Wishes(allow_private=True))  # fmt: skip
    mesh.whole = AddressSet(mixed.sets[4])
    async with at_work(monkeypatch, mesh, prober):
        await asyncio.sleep(FAMILY_S / 2)
        assert list(mesh.requests[-1].families) == [6]
    assert prober.asked == [] and mesh.batches == []
    assert mesh.words == [REASONS[BEYOND]] and mesh.upto == [0]


@on_virtual_time
async def test_it_says_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = FakeMesh(leases=[lease(0, 250, rate_pps=5)], overlay=overlay(1))
    async with at_work(monkeypatch, mesh) as worker:
        assert worker.report() == "idle; pauses and opt-outs are not known yet"
        await asyncio.sleep(2)
        assert worker.report().startswith("probing demo: 1 lease until ")
        mesh.overlay = overlay(2, paused=True)
        await asyncio.sleep(3)
        assert worker.report() == "paused by an operator"
        mesh.overlay = overlay(3, revoked=("w",))
        await asyncio.sleep(3)
        assert worker.report() == REASONS[REVOKED]
        with pytest.raises(NotReady, match="revoked"):
            await worker.can_probe()


TRACE = Probe(kind="trace", max_ttl=20)


@on_virtual_time
async def test_traceroutes_are_probed_and_stored_like_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh, prober = FakeMesh(leases=[lease(0, 16, probe=TRACE), lease(16, 40, probe=TRACE)]), FakeProber()
    async with at_work(monkeypatch, mesh, prober):
        await asyncio.sleep(5)
    assert mesh.requests[0].skills == ("ping", "trace", "udp-trace")
    assert mesh.positions == list(range(40)) and mesh.words == ["done", "done"]
    assert {batch.kind for batch in mesh.batches} == {"trace"}
    assert {settings.max_ttl for _, settings, _ in prober.traced} == {20} and prober.asked == []
    first, second = (known for _, _, known in prober.traced)
    assert first is second is not None


@on_virtual_time
async def test_a_trace_that_is_stopped_counts_for_its_first_targets_and_what_it_has_shown_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mesh = FakeMesh(leases=[lease(0, 250, rate_pps=50, probe=TRACE)], renewal=Renewal(30, 50), overlay=overlay(1))
    prober = FakeProber()
    async with at_work(monkeypatch, mesh, prober):
        await asyncio.sleep(4)
        mesh.overlay = overlay(2, opt_outs=(OptOut(block="127.0.0.0/25"),))
        await asyncio.sleep(60)
    late = [name for at_s, name in prober.sent_s if at_s > 5.3]
    assert late and all(int(name.rpartition(".")[2]) >= 128 for name in late)
    assert mesh.words[-1] == "done" and mesh.upto[-1] == 250
    assert len(mesh.positions) == len(set(mesh.positions)) == len(prober.sent_s)
    (_, _, first), (_, _, second) = prober.traced[:2]
    assert first is not second


@on_virtual_time
async def test_a_dead_uplink_makes_traceroutes_count_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    alive, asked = True, (GATEWAY,)
    mesh = FakeMesh(leases=[lease(0, 100, rate_pps=100, anchors=asked, probe=TRACE)])
    prober = FakeProber(lambda _: ANSWERED if alive else LOST)
    async with at_work(monkeypatch, mesh, prober):
        await asyncio.sleep(5)
        alive = False
        await asyncio.sleep(30)
        alive = True
        mesh.leases.append(lease(100, 110, anchors=asked, probe=TRACE))
        await asyncio.sleep(15)
    assert [(batch.start, batch.stop, batch.suspect) for batch in mesh.batches] == [(0, 100, True), (100, 110, False)]
    assert prober.traced[0][2] is not prober.traced[1][2]


@on_virtual_time
async def test_what_was_seen_on_traceroutes_that_nobody_stores_is_looked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused: list[str] = []

    def refuses(batch: str) -> bool:
        refused.append(batch)
        return batch == refused[0]

    mesh, prober = FakeMesh(leases=[lease(0, 16, probe=TRACE)], refuses=refuses), FakeProber()
    async with at_work(monkeypatch, mesh, prober):
        await asyncio.sleep(10)
        mesh.leases += [lease(0, 16, probe=TRACE), lease(16, 32, probe=TRACE)]
        await asyncio.sleep(20)
    assert mesh.positions == list(range(32))
    lost, again, more = (known for _, _, known in prober.traced)
    assert lost is not again is more


class Unprivileged(FakeProber):
    """Its sockets send no UDP."""

    async def trace(self, targets: Any, settings: Any, *others: Any) -> Any:
        if settings.protocol == "udp":
            raise ConfigError("UDP needs a raw socket")
        return await super().trace(targets, settings, *others)


@on_virtual_time
async def test_what_the_sockets_cannot_do_goes_back_and_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    udp = Probe(kind="trace", protocol="udp")
    mesh = FakeMesh(leases=[lease(0, 16, probe=udp), lease(16, 32), lease(32, 48, probe=TRACE)])
    async with at_work(monkeypatch, mesh, Unprivileged()):
        await asyncio.sleep(10)
        assert mesh.words[0] == REASONS[UNABLE] and sorted(mesh.words[1:]) == ["done", "done"]
        assert mesh.positions == list(range(16, 48))
        assert "udp-trace" not in mesh.requests[-1].skills and "trace" in mesh.requests[-1].skills
        await asyncio.sleep(SKILL_S)
        assert "udp-trace" in mesh.requests[-1].skills
