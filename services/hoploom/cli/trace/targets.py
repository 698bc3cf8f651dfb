"""Targets of a trace: names are looked up, blocks and files of blocks are laid out as `hoploom map` does.

Order is the command line's for names and addresses; those of blocks come behind, in the sets' own order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hoploom.cli import lookup
from hoploom.cli.trace.options import Options
from hoploom.kit.errors import BadRequest, ConfigError
from hoploom.targets import plan
from hoploom.targets.address_set import AddressSet
from hoploom.targets.files import Source, parse_argument
from hoploom.targets.notation import BadBlock, Block, parse_block
from hoploom.targets.sampling import Sampling, parse_sampling
from hoploom.wire.addresses import texts

_BLOCK = 65_536


class Targets(NamedTuple):
    """What a command line names.

    Attributes:
        pairs: What was written and the address of each; an address comes once.
        unknown: Names that were not found.
    """

    pairs: list[tuple[str, str]]
    unknown: list[lookup.Found]


async def gather(options: Options) -> Targets:
    """Find all targets.

    Raises:
        ConfigError: A file or block cannot be read.
        BadRequest: There are too many, or one lies in space that is set aside.
    """
    hosts, blocks = _sorted_out(options.operands)
    found = await lookup.resolve(hosts, options.family)
    pairs = [(each.target, each.addresses[0]) for each in found if each.addresses]
    if "any" not in options.flags:
        lookup.require_ordinary([address for _, address in pairs])
    pairs += [(address, address) for address in _laid_out(blocks, options)]
    unique = {address: target for target, address in reversed(pairs)}
    if len(unique) > options.max_targets:
        raise BadRequest(f"{len(unique):,} targets are more than {options.max_targets:,} (--max-targets)")
    order = dict.fromkeys(address for _, address in pairs)
    return Targets([(unique[address], address) for address in order], [each for each in found if not each.addresses])


def _sorted_out(operands: Sequence[str]) -> tuple[list[str], list[Block]]:
    """Names and single addresses, and blocks of all else."""
    hosts: list[str] = []
    blocks: list[Block] = []
    for each in operands:
        block = _block(each)
        if block is not None and block.first != block.last:
            blocks.append(block)
        elif block is None and (sources := _sources(each)):
            blocks += [found for source in sources for found in source.blocks]
        else:
            hosts.append(str(block) if block is not None and "/" in each else each)
    return hosts, blocks


def _block(text: str) -> Block | None:
    try:
        return parse_block(text)
    except BadBlock:
        return None


def _sources(text: str) -> tuple[Source, ...]:
    """The lists that a path names; none where it can only be a host's name."""
    try:
        sources = parse_argument(text).sources
    except ConfigError:
        if "/" in text:
            raise
        return ()
    for source in sources:
        if source.bad_count:
            raise ConfigError(source.report())
    return sources


def _laid_out(blocks: Sequence[Block], options: Options) -> list[str]:
    if not blocks:
        return []
    sampling = parse_sampling(options.per_prefix) if options.per_prefix else Sampling()
    wishes = plan.Wishes(sampling=sampling, allow_private=True, max_targets=options.max_targets)
    sets = plan.make("trace", blocks, (), wishes).sets
    wanted = [AddressSet(each) for family, each in sets.items() if options.family in (0, family)]
    return [address for each in wanted for first in range(0, each.n, _BLOCK)
            for address in texts(each.take(np.arange(first, min(first + _BLOCK, each.n))))]  # fmt: skip
