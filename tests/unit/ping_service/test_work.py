"""The worker's loop: what it probes of a lease, what it submits, and what it does when it may not probe."""

from dataclasses import fields
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.kit.errors import NotReady
from hoploom.ping_service.lease_client import LeaseClient
from hoploom.ping_service.probes import PingColumns, ProbeSettings, Statistics
from hoploom.ping_service.settings import Settings
from hoploom.ping_service.work import Worker
from hoploom.targets import plan
from hoploom.targets.address_set import AddressSet
from hoploom.targets.notation import parse_block
from hoploom.wire.batch import FAILED, Batch, Columns
from hoploom.wire.batch import check as check_batch
from hoploom.wire.campaign import Probe
from hoploom.wire.lease import Lease, LeaseId

LEASE_ID = str(LeaseId(campaign="demo", edition=1, round=0, family=4, start=0, stop=16, nonce="0" * 16))


class Prober:
    """Answers for every target, and remembers what it was asked."""

    name = "test"

    def __init__(self) -> None:
        self.statistics = Statistics()
        self.asked: list[tuple[NDArray[np.uint8], ProbeSettings]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    async def ping(self, targets: NDArray[np.uint8], settings: ProbeSettings) -> PingColumns:
        self.asked.append((targets, settings))
        count = len(targets)
        kinds = {"outcome": "u1", "sent": "u2", "received": "u2", "duplicates": "u2", "rtt_min_us": "i4",
                 "rtt_avg_us": "i4", "rtt_max_us": "i4", "reply_ttl": "i2", "icmp_type": "i2", "icmp_code": "i2",
                 "at_us": "i8"}
        columns: dict[str, Any] = {name: np.zeros(count, dtype=kind) for name, kind in kinds.items()}
        columns["sent"] += 1
        columns["received"] += 1
        columns["icmp_type"] -= 1
        columns["icmp_code"] -= 1
        columns["icmp_from"] = np.zeros((count, 16), dtype=np.uint8)
        return PingColumns(**columns, started_monotonic_us=5, started_at_us=1)


class Client(LeaseClient):
    """Keeps what would be sent."""

    def __init__(self, block: str) -> None:
        wishes = plan.Wishes(allow_private=True)
        self.whole = AddressSet(plan.make("demo", [parse_block(block)], [], wishes).sets[4])
        self.batches: list[Batch] = []
        self.finished: list[str] = []
        self.waiting = ""

    async def address_set(self, revision: str) -> AddressSet:
        return self.whole

    async def submit(self, batch: Batch) -> bool:
        self.batches.append(batch)
        return True

    async def done(self, lease: Lease, worker: str) -> None:
        self.finished.append(lease.id)


def lease(**changes: Any) -> Lease:
    known: dict[str, Any] = {
        "id": LEASE_ID, "campaign": "demo", "campaign_number": 2_000_000_000, "measurement": 2_000_000_001,
        "worker_number": 2_000_000_002, "revision": "0" * 64, "family": 4, "round": 0, "group": "g", "start": 0,
        "stop": 16, "order_key": "00" * 16, "ttl_s": 60, "rate_pps": 0, "probe": Probe(), "allow_private": True,
    }
    return Lease(**{**known, **changes})


async def test_every_target_of_a_lease_is_probed_once_and_submitted_before_it_is_done() -> None:
    client, prober = Client("127.0.0.0/28"), Prober()
    await Worker(Settings(worker="w", allow_private=True), client)._carry_out(prober, lease())
    batch = client.batches[0]
    check_batch(batch)
    assert sorted(batch.columns.address[:, 15].tolist()) == list(range(16))
    assert (batch.start, batch.stop, batch.lease) == (0, 16, LEASE_ID)
    assert client.finished == [LEASE_ID]


@pytest.mark.parametrize(("campaign", "owner"), [(True, False), (False, True), (False, False)])
async def test_without_both_keys_own_space_is_not_probed_and_said_to_have_failed(campaign: bool, owner: bool) -> None:
    client, prober = Client("127.0.0.0/28"), Prober()
    worker = Worker(Settings(worker="w", allow_private=owner), client)
    await worker._carry_out(prober, lease(allow_private=campaign))
    assert len(prober.asked[0][0]) == 0
    batch = client.batches[0]
    check_batch(batch)
    assert batch.columns.outcome.tolist() == [FAILED] * 16
    assert batch.columns.sent.tolist() == [0] * 16


@pytest.mark.parametrize(
    ("block", "asked", "owner", "expected"),
    [
        ("127.0.0.0/28", 0, 0, None),
        ("127.0.0.0/28", 0, 50, 50),
        ("127.0.0.0/28", 20, 50, 20),
        ("10.0.0.0/28", 0, 0, 1000),
    ],
)
async def test_the_smaller_rate_counts(block: str, asked: int, owner: int, expected: float | None) -> None:
    client, prober = Client(block), Prober()
    worker = Worker(Settings(worker="w", allow_private=True, max_rate_pps=owner), client)
    await worker._carry_out(prober, lease(rate_pps=asked))
    assert prober.asked[0][1].rate_pps == expected


async def test_a_batch_that_is_refused_for_good_leaves_the_lease_open() -> None:
    client, prober = Client("127.0.0.0/28"), Prober()

    async def refuse(batch: Batch) -> bool:
        return False

    client.submit = refuse  # type: ignore[method-assign]
    await Worker(Settings(worker="w", allow_private=True), client)._carry_out(prober, lease())
    assert client.finished == []


async def test_a_worker_without_a_socket_says_why() -> None:
    worker = Worker(Settings(), Client("127.0.0.0/28"), trouble="no ICMP socket")
    with pytest.raises(NotReady, match="no ICMP socket"):
        await worker.can_probe()


def test_the_columns_of_prober_and_batch_have_the_same_names() -> None:
    probed = {each.name for each in fields(PingColumns)} - {"started_monotonic_us", "started_at_us"}
    assert probed | {"position", "address"} == {each.name for each in fields(Columns)}
