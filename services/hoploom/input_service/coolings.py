"""What rests in the shards that this instance owns: follows the records' changes, and is written beside them.

A campaign with a cooldown keeps one `Cooling` for each shard (and group, where the cooldown counts within the group).
It is written in the very transaction that changes the record, so both tell the same story. Whoever takes a shard over
begins all timers anew and counts every lease that is out as just given: longer rests, never shorter ones.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hoploom.input_service import keys
from hoploom.input_service.budget import LINGER_S
from hoploom.input_service.cooldown import Cooling
from hoploom.input_service.shard_record import Held, ShardRecord, ShardRef
from hoploom.input_service.shards import slot_of
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.targets.ranges import Range
from hoploom.wire.campaign import Campaign

MINUTE_S = 60.0


@dataclass
class _Open:
    """One shard's cooling in memory."""

    cooldown_s: float
    state: Cooling


class Coolings:
    """The coolings of this instance's shards."""

    def __init__(self, consul: ConsulApi) -> None:
        """Know the KV store."""
        self._consul = consul
        self._open: dict[ShardRef, _Open] = {}

    async def open(self, campaign: Campaign, ref: ShardRef, *, capped: bool) -> bool:
        """Have a shard's cooling in memory.

        Args:
            campaign: The campaign.
            ref: The shard.
            capped: Whether a cap per network holds, for which targets rest for a second in any case.

        Returns:
            Whether anything rests at all in this campaign.

        Raises:
            Unavailable: It is not in memory, and Consul is away.
        """
        cooldown_s = max(campaign.cooldown_minutes * MINUTE_S, LINGER_S if capped else 0.0)
        name = _name(campaign, ref)
        if cooldown_s and name not in self._open:
            loaded = await self._loaded(name, ref, cooldown_s)
            # Another request may have loaded it meanwhile, and something was handed out since.
            self._open.setdefault(name, _Open(cooldown_s, loaded))
        return bool(cooldown_s)

    def blocked(self, ref: ShardRef) -> list[Range] | None:
        """The positions of a shard that may not be handed out now, as a merged list; None where nothing is known."""
        found = self._found(ref)
        return found.state.blocked(boottime_s()) if found else None

    def handed_out(self, ref: ShardRef, held: Held) -> None:
        """Block a lease's positions at once: two records that share a cooling may change in one commit."""
        found = self._found(ref)
        if found is not None:
            found.state = found.state.add(_range(held), boottime_s())

    def changed(self, before: ShardRecord, after: ShardRecord) -> Mapping[str, Any] | None:
        """Follow a change of a record.

        Returns:
            The write that goes into the same transaction, or None where nothing rests.
        """
        found = next((name for name in _names(after.ref) if name in self._open), None)
        if found is None:
            return None
        known, now_s = self._open[found], boottime_s()
        old, new = {each.nonce: each for each in before.held}, {each.nonce: each for each in after.held}
        for nonce in old.keys() - new.keys():
            known.state = known.state.ended(_range(old[nonce]), now_s)
        for nonce in new.keys() - old.keys():
            known.state = known.state.add(_range(new[nonce]), now_s)
        value = json.dumps({"v": 1, "cooling": known.state.to_json(now_s)}, separators=(",", ":"))
        return {"Verb": "set", "Key": _key(found), "Value": value.encode()}

    def forget(self, refs: Iterable[ShardRef]) -> None:
        """Nothing is known of these shards any more: a write failed, or they are another's."""
        for ref in refs:
            for name in _names(ref):
                self._open.pop(name, None)

    def close_slot(self, slot: int) -> None:
        """Nothing is known of a slot's shards any more, also where no record of theirs was in memory."""
        for name in [each for each in self._open if slot_of(each.campaign, each.family, each.shard) == slot]:
            del self._open[name]

    def _found(self, ref: ShardRef) -> _Open | None:
        return next((self._open[name] for name in _names(ref) if name in self._open), None)

    async def _loaded(self, name: ShardRef, ref: ShardRef, cooldown_s: float) -> Cooling:
        entry, now_s = await self._consul.kv_get(_key(name), consistent=True), boottime_s()
        try:
            document = json.loads(entry.value)["cooling"] if entry else []
            state = Cooling.from_json(document, cooldown_s, now_s)
            for held in await self._out(name, ref):
                state = state.add(_range(held), now_s)
        except (BadRequest, ValueError, KeyError, TypeError) as error:
            why = f"{_key(name)} in Consul is damaged ({error!r}); delete that key, and nothing rests"
            raise Unavailable(why) from error
        return state

    async def _out(self, name: ShardRef, ref: ShardRef) -> list[Held]:
        """Every lease that is out of the shard, of the groups that the cooldown counts over."""
        found: list[Held] = []
        prefix = keys.groups(ref.campaign, ref.edition)
        if name.group != keys.MESH:
            prefix = f"{prefix}{name.group}/"
        for entry in await self._consul.kv_list(prefix):
            # By the key: to read the records of all shards for each one would take minutes in a large campaign.
            if entry.key.endswith(f"/{ref.family}-{ref.shard}"):
                found += ShardRecord.from_bytes(entry.value).held
        return found


def _name(campaign: Campaign, ref: ShardRef) -> ShardRef:
    """Which cooling a shard's record belongs to: positions are comparable within one order only."""
    if not campaign.cooldown_minutes:
        return ref
    return replace(ref, round=0, group=keys.MESH if campaign.cooldown_scope == "mesh" else ref.group)


def _names(ref: ShardRef) -> tuple[ShardRef, ...]:
    """All that a record's cooling may be called."""
    return ref, replace(ref, round=0), replace(ref, round=0, group=keys.MESH)


def _key(name: ShardRef) -> str:
    return f"{keys.cooling(name.campaign, name.edition, name.group, name.round)}{name.family}-{name.shard}"


def _range(held: Held) -> Range:
    return held.start, held.stop - 1
