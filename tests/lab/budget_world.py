"""500 workers, the owner of their shards and the keeper of the budget on virtual time; only the probes sent are judged.

Time is whole microseconds, so that "in any second" is exact. Workers die, stop answering, give leases back; answers
are slow or lost; the keeper and the owner of the shards crash and begin anew. `findings` knows nothing of leases: it
reads when which address was probed.
"""

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoploom.input_service import budget as budgets
from hoploom.input_service import leases
from hoploom.input_service.allotment import Allotment, Claim, per_network
from hoploom.input_service.budget import Budget
from hoploom.input_service.cooldown import Cooling
from hoploom.input_service.leases import Ages, Ask
from hoploom.input_service.shard_record import Held, ShardRecord, ShardRef
from hoploom.targets.address_set import AddressSet
from hoploom.targets.keys import order_key
from hoploom.targets.notation import parse_block
from hoploom.targets.permutation import Permutation
from hoploom.targets.ranges import Range, merge
from hoploom.targets.sampling import parse_rule
from hoploom.targets.target_set import Part, TargetSet
from hoploom.wire.lease import LeaseId, LeaseReturn
from hoploom.wire.probe import Probe

US = 1_000_000
CALL_US = int(leases.GRACE_S * US)
"""A worker gives up a call after this."""

SAME_US = 8 * US
"""A worker sends a request that nobody answers again as the same one for so long."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A campaign of the simulation."""

    id: str
    blocks: Sequence[str]
    rule: str
    groups: Sequence[str]
    rate_pps: int
    network_pps: int
    rounds: int = 1
    cooldown_s: float = 0.0
    scope: str = "group"
    family: int = 4


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What is simulated; the flags take a rule away."""

    plans: Sequence[Plan]
    workers: int
    lasts_s: int
    ttl_s: int = 10
    work_s: int = 6
    faults: float = 0.1
    idle_s: float = 1.0
    spaced: bool = True
    renewals_told: bool = True
    keeper_reads: bool = True
    rests: bool = True
    one_cooling: bool = True
    order_of_rounds: bool = False
    rest_from_start: bool = False
    restart_forgets: bool = False


@dataclass
class Group:
    """Where one group of a campaign stands."""

    plan: Plan
    name: str
    round: int = 0
    record: ShardRecord | None = None
    heard_us: dict[str, int] = field(default_factory=dict)
    allotments: dict[str, Allotment] = field(default_factory=dict)
    began_us: dict[str, int] = field(default_factory=dict)
    finished: bool = False


@dataclass
class Worker:
    """A worker of one group."""

    name: str
    group: Group
    wanted_pps: int
    run: int = 0
    request: str = ""
    asked_us: int = 0


@dataclass(eq=False)
class Work:
    """A lease at its worker: when it sends what."""

    worker: Worker
    group: Group
    held: Held
    number: int
    at_us: NDArray[np.int64]
    networks: NDArray[np.int64]
    indexes: NDArray[np.int64]
    stop_us: int
    over: bool = False


class Sent:
    """All probes: when, to which address of which campaign and network, by which group and lease."""

    def __init__(self) -> None:
        """Nothing sent."""
        self._parts: list[NDArray[np.int64]] = []

    def add(self, at_us: NDArray[np.int64], *labels: NDArray[np.int64] | int) -> None:
        """Note probes that were sent."""
        self._parts.append(np.stack([at_us, *(np.broadcast_to(each, at_us.shape) for each in labels)]))

    def columns(self) -> NDArray[np.int64]:
        """Rows: time, network, address, campaign, group, lease."""
        return np.concatenate(self._parts, axis=1) if self._parts else np.zeros((6, 0), dtype=np.int64)


class World:
    """Everything, and the queue of what happens next."""

    def __init__(self, seed: int, shape: Shape) -> None:
        """Put everybody at their start."""
        self.random, self.shape, self.now_us = random.Random(seed), shape, 0
        self._queue: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = self._works = 0
        self._under_way: list[Work] = []
        self.sent = Sent()
        self.granted = self.crashes = self.died = 0
        self.keeper: Budget | None = Budget(0.0, shape.ttl_s)
        self.keeper.all_announced()
        self.sets = {plan.id: _target_set(plan) for plan in shape.plans}
        self._addresses = {name: AddressSet(each) for name, each in self.sets.items()}
        self._orders: dict[bytes, NDArray[np.int64]] = {}
        self._network_of: dict[str, NDArray[np.int64]] = {}
        self._network_numbers: dict[bytes, int] = {}
        self._coolings: dict[tuple[str, ...], Cooling] = {}
        self.groups = [Group(plan, name) for plan in shape.plans for name in plan.groups]
        for number in range(shape.workers):
            group = self.groups[number % len(self.groups)]
            worker = Worker(f"w{number}", group, self.random.choice((0, 0, 3, 20, 100)))
            self._at(self.random.randrange(US), self._ask, worker)
        if shape.faults:
            self._at(self._soon(12), self._keeper_dies)
            self._at(self._soon(12), self._owner_restarts)

    def run(self) -> "World":
        """Until the time is over or all is done."""
        while self._queue and self._queue[0][0] < self.shape.lasts_s * US:
            self.now_us, _, call, arguments = heapq.heappop(self._queue)
            call(*arguments)
        self.now_us = self.shape.lasts_s * US
        for work in list(self._under_way):
            self._over(work, until_us=min(self.now_us, work.stop_us))
        return self

    # The keeper and the owner.

    def _keeper_dies(self) -> None:
        self.crashes += 1
        self.keeper = None
        self._at(self._soon(3), self._keeper_begins)

    def _keeper_begins(self) -> None:
        self.keeper = Budget(self._now_s, self.shape.ttl_s)
        self._at(CALL_US, self._keeper_reads, self.keeper)
        self._at(self._soon(60), self._keeper_dies)

    def _keeper_reads(self, keeper: Budget) -> None:
        """As `budget_desk` does it: whatever lease is out is in a record by now."""
        if keeper is not self.keeper:
            return
        if self.shape.keeper_reads:
            for group in self.groups:
                for each in group.allotments.values():
                    keeper.renew(each, self._now_s)
        keeper.all_announced()

    def _owner_restarts(self) -> None:
        for key, cooling in self._coolings.items():
            document = [] if self.shape.restart_forgets else cooling.to_json(self._now_s)
            self._coolings[key] = Cooling.from_json(document, cooling.cooldown_s, self._now_s)
        for group in self.groups:
            for held in group.record.held if group.record else ():
                group.heard_us[held.nonce] = self.now_us
                self._rests(group, held)
        self._at(self._soon(40), self._owner_restarts)

    # A worker asks for work.

    def _ask(self, worker: Worker) -> None:
        if worker.group.finished:
            return
        if not worker.request or self.now_us - worker.asked_us > SAME_US:
            self._numbers += 1
            worker.request, worker.asked_us = f"r{self._numbers}", self.now_us
        self._at(self._soon(0.05), self._answer, worker, worker.run, self.now_us)

    def _answer(self, worker: Worker, run: int, sent_us: int) -> None:
        if worker.run != run:
            return
        found = self._granted(worker)
        arrives_us = self.now_us + self._soon(4 if self._fault() else 0.05)
        if found is not None and (self._fault() or arrives_us > sent_us + CALL_US):
            self._at(sent_us + CALL_US - self.now_us, self._ask_again, worker, run)
            return
        worker.request = ""
        if found is None:
            self._at(int(self.shape.idle_s * US), self._ask_again, worker, run)
        else:
            self._at(arrives_us - self.now_us, self._begin, worker, run, found)

    def _ask_again(self, worker: Worker, run: int) -> None:
        if worker.run == run:
            self._ask(worker)

    def _granted(self, worker: Worker) -> tuple[Held, Allotment] | None:
        """As `serving` does it: what the worker has got before comes first, then a look whether there is work."""
        group, record = worker.group, self._record(worker.group)
        if record is None or self.keeper is None:
            return None
        ask, ages = self._request(worker), self._ages(group)
        after, known = leases.recall(record, ask, ages)
        self._became(group, after, freed=True)
        if known is not None:
            return known, group.allotments[known.nonce]
        if leases.grant(after, ask, ages)[1] is None:
            return None
        allotment = self.keeper.take(self._claim(worker, ask.nonce), self._now_s)
        if allotment is None:
            return None
        ask = replace(ask, rate_pps=allotment.rate_pps, limit=max(1, allotment.rate_pps * self.shape.work_s))
        after, held = leases.grant(after, ask, ages)
        assert held is not None
        self._became(group, after)
        self.granted += 1
        group.allotments[held.nonce] = allotment
        group.heard_us[held.nonce] = group.began_us[held.nonce] = self.now_us
        self._rests(group, held)
        return held, allotment

    def _request(self, worker: Worker) -> Ask:
        self._numbers += 1
        cooling = self._coolings.get(self._cooling_key(worker.group))
        return Ask(
            request_id=worker.request,
            worker=worker.name,
            run=f"run{worker.run}",
            rate_pps=1,
            probe=Probe(),
            nonce=f"{self._numbers:016x}",
            token="0.1",
            limit=1,
            ttl_s=self.shape.ttl_s,
            blocked=cooling.blocked(self._now_s) if cooling else (),
        )

    def _claim(self, worker: Worker, nonce: str) -> Claim:
        group = worker.group
        return Claim(
            nonce=nonce,
            worker=worker.name,
            campaign=group.plan.id,
            edition=1,
            group=group.name,
            round=group.round,
            campaign_pps=group.plan.rate_pps,
            wanted_pps=worker.wanted_pps,
            network_pps=group.plan.network_pps,
            per_network=per_network(self.sets[group.plan.id]),
            ttl_s=self.shape.ttl_s,
            crowd=self.shape.workers,
            places=leases.MAX_HELD,
        )

    # A worker works.

    def _begin(self, worker: Worker, run: int, found: tuple[Held, Allotment]) -> None:
        if worker.run != run:
            return
        group, (held, allotment) = worker.group, found
        self._works += 1
        positions = np.arange(held.start, held.stop)
        indexes = self._order(group)[positions]
        networks = self._networks(group.plan)[indexes]
        at_us = _paced(self.now_us, networks.tolist(), allotment, spaced=self.shape.spaced)
        stop_us = worker.asked_us + held.ttl_s * US
        work = Work(worker, group, held, self._works, at_us, networks, indexes, stop_us)
        self._under_way.append(work)
        self._at(int(at_us[-1]) + 1 - self.now_us, self._finish, work)
        self._at(held.ttl_s * US // 3, self._renew, work)
        self._at(max(0, stop_us - self.now_us), self._cut_off, work)
        if self._fault():
            end = self.random.choice((self._die, self._return))
            self._at(self._soon((int(at_us[-1]) - self.now_us) / US), end, work)

    def _over(self, work: Work, *, until_us: int) -> bool:
        """End a worker's work on a lease and note what it has sent; False when it had ended before."""
        if work.over:
            return False
        work.over = True
        self._under_way.remove(work)
        count = int(np.searchsorted(work.at_us, until_us))
        plan = self.shape.plans.index(work.group.plan)
        labels = (work.networks[:count], work.indexes[:count], plan, self.groups.index(work.group), work.number)
        self.sent.add(work.at_us[:count], *labels)
        return True

    def _finish(self, work: Work) -> None:
        if self._over(work, until_us=self.now_us):
            self._at(self._soon(0.05), self._ended, work, leases.complete)
            self._at(self._soon(0.1), self._ask, work.worker)

    def _return(self, work: Work) -> None:
        if self._over(work, until_us=self.now_us):
            self._at(self._soon(0.05), self._ended, work, leases.give_back)
            self._at(self._soon(0.1), self._ask, work.worker)

    def _die(self, work: Work) -> None:
        if self._over(work, until_us=self.now_us):
            self.died += 1
            work.worker.run, work.worker.request = work.worker.run + 1, ""
            self._at(self._soon(3), self._ask, work.worker)

    def _cut_off(self, work: Work) -> None:
        if work.over or self.now_us < work.stop_us:
            return
        self._over(work, until_us=work.stop_us)
        self._ask(work.worker)

    def _renew(self, work: Work) -> None:
        if work.over:
            return
        arrives_us = self._soon(0.05)
        if not self._fault():
            self._at(arrives_us, self._renewed, work, self.now_us)
        self._at(work.held.ttl_s * US // 3, self._renew, work)

    def _renewed(self, work: Work, asked_us: int) -> None:
        group, nonce = work.group, work.held.nonce
        if nonce not in group.allotments or (self.keeper is None and self.shape.renewals_told):
            return
        group.heard_us[nonce] = self.now_us
        if self.shape.renewals_told:
            assert self.keeper is not None
            if not self.keeper.renew(group.allotments[nonce], self._now_s):
                self._ended(work, leases.give_back)
                self._at(self._soon(0.05), self._refused, work)
                return
        back_us = self._soon(4 if self._fault() else 0.05)
        if not self._fault() and self.now_us + back_us <= asked_us + CALL_US:
            self._at(back_us, self._goes_on, work, asked_us)

    def _refused(self, work: Work) -> None:
        if self._over(work, until_us=self.now_us):
            self._ask(work.worker)

    def _goes_on(self, work: Work, asked_us: int) -> None:
        if not work.over:
            work.stop_us = max(work.stop_us, asked_us + work.held.ttl_s * US)
            self._at(work.stop_us - self.now_us, self._cut_off, work)

    # What the owner makes of it.

    def _ended(self, work: Work, end: Callable[[ShardRecord, LeaseId, LeaseReturn], ShardRecord]) -> None:
        group, held = work.group, work.held
        message = LeaseReturn(worker=held.worker, campaign=group.plan.id, group=group.name, stored_upto=held.start)
        if group.record is not None and held.nonce in group.allotments:
            self._became(group, end(group.record, group.record.lease_id(held), message), freed=True)

    def _became(self, group: Group, after: ShardRecord, *, freed: bool = False) -> None:
        """Take a new record over; of a lease that has ended with it the rate is free where its worker has said so."""
        before, group.record = group.record, after
        out = {each.nonce for each in after.held}
        for held in before.held if before else ():
            if held.nonce not in out:
                self._gone(group, held, freed=freed)
        if after.complete:
            group.round += 1
            group.record = None
            group.finished = group.round >= group.plan.rounds

    def _gone(self, group: Group, held: Held, *, freed: bool) -> None:
        del group.allotments[held.nonce]
        began_us = group.began_us.pop(held.nonce)
        del group.heard_us[held.nonce]
        end_s = began_us / US if self.shape.rest_from_start else self._now_s
        self._cool(group, lambda cooling: cooling.ended(_range(held), end_s))
        if self.keeper is not None and freed:
            self.keeper.give_back(held.nonce, self._now_s)

    def _record(self, group: Group) -> ShardRecord | None:
        if group.record is None and not group.finished:
            size = self.sets[group.plan.id].n
            ref = ShardRef(campaign=group.plan.id, edition=1, group=group.name, round=group.round, family=4, shard=0)
            group.record = ShardRecord.empty(ref, 0, size)
        if group.record is not None:
            self._became(group, leases.expire(group.record, self._ages(group)))
        return group.record

    def _ages(self, group: Group) -> Ages:
        return Ages({nonce: (self.now_us - at_us) / US for nonce, at_us in group.heard_us.items()})

    def _cooling_key(self, group: Group) -> tuple[str, ...]:
        plan = group.plan
        if not plan.cooldown_s:
            return (plan.id, group.name, str(group.round))
        whole = plan.scope == "mesh" and self.shape.one_cooling
        return (plan.id,) if whole else (plan.id, group.name)

    def _cool(self, group: Group, change: Callable[[Cooling], Cooling]) -> None:
        if self.shape.rests:
            key = self._cooling_key(group)
            rest_s = max(group.plan.cooldown_s, budgets.LINGER_S)
            self._coolings[key] = change(self._coolings.get(key) or Cooling(rest_s))

    def _rests(self, group: Group, held: Held) -> None:
        self._cool(group, lambda cooling: cooling.add(_range(held), self._now_s))

    # Addresses.

    def _order(self, group: Group) -> NDArray[np.int64]:
        plan = group.plan
        free = not plan.cooldown_s or self.shape.order_of_rounds
        name = group.name if not plan.cooldown_s or plan.scope == "group" else ""
        key = order_key(plan.id, "revision", group.round if free else 0, name)
        if key not in self._orders:
            size = self.sets[plan.id].n
            self._orders[key] = Permutation(size, key).address_indexes(np.arange(size))
        return self._orders[key]

    def _networks(self, plan: Plan) -> NDArray[np.int64]:
        """The network of each address of a plan, numbered over all plans."""
        if plan.id not in self._network_of:
            octets = self._addresses[plan.id].take(np.arange(self.sets[plan.id].n))
            prefixes = octets[:, 12:15] if plan.family == 4 else octets[:, :6]
            names = [each.tobytes() for each in prefixes]
            numbers = [self._network_numbers.setdefault(each, len(self._network_numbers)) for each in names]
            self._network_of[plan.id] = np.array(numbers, dtype=np.int64)
        return self._network_of[plan.id]

    # Time and chance.

    @property
    def _now_s(self) -> float:
        return self.now_us / US

    def _at(self, later_us: int, call: Callable[..., None], *arguments: Any) -> None:
        self._numbers += 1
        heapq.heappush(self._queue, (self.now_us + later_us, self._numbers, call, arguments))

    def _soon(self, within_s: float) -> int:
        return self.random.randint(1, max(1, int(within_s * US)))

    def _fault(self) -> bool:
        return self.random.random() < self.shape.faults


def _paced(start_us: int, networks: list[int], allotment: Allotment, *, spaced: bool) -> NDArray[np.int64]:
    """When a worker sends: in order, by the rate, and each network by its lane."""
    gap_us = -(-US // allotment.rate_pps)
    lane_us = -(-US // allotment.lane_pps) if allotment.lane_pps and spaced else 0
    free_us: dict[int, int] = {}
    next_us, found = start_us, []
    for network in networks:
        at_us = max(next_us, free_us.get(network, 0))
        found.append(at_us)
        next_us, free_us[network] = at_us + gap_us, at_us + lane_us
    return np.array(found, dtype=np.int64)


def _range(held: Held) -> Range:
    return held.start, held.stop - 1


def _target_set(plan: Plan) -> TargetSet:
    blocks = [parse_block(each) for each in plan.blocks]
    ranges = tuple(merge((each.first, each.last) for each in blocks))
    return TargetSet(plan.family, bytes(16), (Part(parse_rule(plan.rule, plan.family), ranges),))
