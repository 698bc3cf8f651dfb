"""What a campaign would probe, and whether it may: computed before a packet leaves, by whoever asks and by the input.

Merged blocks, minus exclusions, minus space that nobody may probe, sampled; then the rate that politeness allows, and
the time that it takes. Pure arithmetic: `::/0` is refused as quickly as one address.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hoploom.kit.errors import Forbidden, Unprocessable
from hoploom.targets.keys import sampling_seed
from hoploom.targets.notation import Block
from hoploom.targets.ranges import Range, count, merge, subtract
from hoploom.targets.sampling import Sampling
from hoploom.targets.space import by_family, reason, split
from hoploom.targets.special_purpose import Space
from hoploom.targets.target_set import Part, TargetSet

MAX_TARGETS = 10_000_000
"""More than a day at the default rate of public space; who wants more says so."""

UNLIMITED = 0
DEFAULT_PPS = {Space.PUBLIC: 100, Space.PRIVATE: 1000, Space.LOOPBACK: UNLIMITED}
"""Packets a second of the whole mesh where nobody says otherwise; the slowest kind of space decides."""

_ETHERNET_BYTES = 14 + 20 + 8
"""Ethernet, IPv4 and ICMP headers before an echo request's payload."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a person asked for beside the blocks.

    Attributes:
        sampling: Rules by family; none where the defaults shall hold.
        allow_private: The campaign's key to loopback and private space.
        contact: Who answers for the probes; public targets need it.
        rate_pps: Packets a second; None for the default, 0 for no limit (loopback only).
        max_targets: The most targets.
    """

    sampling: Sampling = field(default_factory=Sampling)
    allow_private: bool = False
    contact: str = ""
    rate_pps: int | None = None
    max_targets: int = MAX_TARGETS


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would be probed.

    Attributes:
        sets: Targets by family, only of families that have any.
        blocks: Number of blocks given.
        addresses: Addresses of the merged blocks.
        excluded: Of these, left out by exclusions.
        special: Of these, left out because nobody may probe them.
        spaces: Addresses that are left, by kind of space.
        rate_pps: Packets a second; 0 for no limit.
    """

    sets: Mapping[int, TargetSet]
    blocks: int
    addresses: int
    excluded: int
    special: int
    spaces: Mapping[Space, int]
    rate_pps: int

    @property
    def targets(self) -> int:
        """Number of targets of both families."""
        return sum(each.n for each in self.sets.values())

    @property
    def needs_contact(self) -> bool:
        """Whether other people's networks are probed (RFC 9511)."""
        return Space.PUBLIC in self.spaces

    def seconds(self, packets_a_target: int) -> float | None:
        """How long one pass takes at the plan's rate; None where the rate has no limit."""
        return self.targets * packets_a_target / self.rate_pps if self.rate_pps else None

    def mbit_s(self, size_bytes: int) -> float | None:
        """Megabits a second on the wire at the plan's rate; None where the rate has no limit."""
        return self.rate_pps * (_ETHERNET_BYTES + size_bytes) * 8 / 1e6 if self.rate_pps else None


def make(campaign: str, blocks: Sequence[Block], excludes: Sequence[Block], wishes: Wishes) -> Plan:
    """Compute a plan.

    Args:
        campaign: Campaign id; the samples hang on it.
        blocks: What to probe, in any order, overlapping or not.
        excludes: What to leave out.
        wishes: The rest.

    Raises:
        Unprocessable: Nothing is left, there are too many targets, or the rate does not fit the space.
        Forbidden: Loopback or private space without its key.
    """
    given = by_family(blocks)
    left, excluded = _without(given, by_family(excludes))
    spaces = {family: split(family, ranges) for family, ranges in left.items()}
    special = sum(count(each.pop(Space.NEVER, [])) for each in spaces.values())
    sizes = _sizes(spaces)
    if not sizes:
        raise Unprocessable(_nothing_left(blocks, special))
    _may(sizes, wishes)
    seed = sampling_seed(campaign)
    sets = {family: _target_set(family, seed, each, wishes.sampling) for family, each in spaces.items() if each}
    plan = Plan(
        sets=sets,
        blocks=len(blocks),
        addresses=sum(count(ranges) for ranges in given.values()),
        excluded=excluded,
        special=special,
        spaces=sizes,
        rate_pps=_rate(sizes, wishes.rate_pps),
    )
    if plan.targets > wishes.max_targets:
        raise Unprocessable(
            f"{plan.targets:,} targets are more than {wishes.max_targets:,}: sample them (--per-prefix 24:1,48:1), or "
            "raise --max-targets"
        )
    return plan


def _without(given: dict[int, list[Range]], holes: dict[int, list[Range]]) -> tuple[dict[int, list[Range]], int]:
    left = {family: subtract(ranges, holes.get(family, [])) for family, ranges in given.items()}
    taken = sum(count(given[family]) - count(left[family]) for family in given)
    return {family: ranges for family, ranges in left.items() if ranges}, taken


def _sizes(spaces: Mapping[int, Mapping[Space, list[Range]]]) -> dict[Space, int]:
    sizes: dict[Space, int] = {}
    for parts in spaces.values():
        for space, ranges in parts.items():
            sizes[space] = sizes.get(space, 0) + count(ranges)
    return sizes


def _nothing_left(blocks: Sequence[Block], special: int) -> str:
    if special:
        return f"nothing is left to probe: nobody may probe {blocks[0]} ({reason(blocks[0])})"
    return "nothing is left to probe: the exclusions cover every block" if blocks else "there is no block to probe"


def _may(sizes: Mapping[Space, int], wishes: Wishes) -> None:
    own = [space.value for space in (Space.LOOPBACK, Space.PRIVATE) if space in sizes]
    if own and not wishes.allow_private:
        raise Forbidden(f"{' and '.join(own)} addresses need the campaign's own key: --allow-private")


def _rate(sizes: Mapping[Space, int], wanted: int | None) -> int:
    slowest = min((DEFAULT_PPS[space] for space in sizes if DEFAULT_PPS[space]), default=UNLIMITED)
    if wanted is None:
        return slowest
    if wanted == UNLIMITED and slowest:
        raise Unprocessable("only loopback may be probed without a limit: give --rate")
    return wanted


def _target_set(
    family: int, seed: bytes, parts: Mapping[Space, list[Range]], sampling: Sampling
) -> TargetSet:
    by_rule: dict[str, Part] = {}
    for space, ranges in parts.items():
        rule = sampling.rule(family, space)
        known = by_rule.get(str(rule))
        together = merge([*(known.ranges if known else ()), *ranges])
        by_rule[str(rule)] = Part(rule, tuple(together))
    return TargetSet(family, seed, tuple(by_rule[rule] for rule in sorted(by_rule)))
