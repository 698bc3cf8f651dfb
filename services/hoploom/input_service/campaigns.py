"""Campaigns: made once from blocks and wishes, immutable afterwards, with their target sets beside them.

No number of a client is trusted: the plan is computed again here, with this instance's own cap.
"""

import hashlib
import json

import zstandard

from hoploom.input_service import keys
from hoploom.input_service.numbers import Numbers
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import NotFound, TooLarge, Unprocessable
from hoploom.targets import plan
from hoploom.targets.notation import parse_block
from hoploom.targets.sampling import Sampling, parse_sampling
from hoploom.targets.target_set import TargetSet, canonical_bytes
from hoploom.wire.campaign import Campaign, CampaignRequest, FamilySet

# Consul refuses values over 512 KB and slows down over 64 KB.
PIECE_BYTES = 60_000
MAX_SET_BYTES = 400_000
_LEVEL = 9
# A new campaign is seen by every instance within this time; an idle poll costs no read of Consul meanwhile.
FRESH_S = 0.5


class Campaigns:
    """The campaigns of the mesh, as the KV store has them."""

    def __init__(self, consul: ConsulApi, numbers: Numbers, max_targets: int) -> None:
        """Know the KV store and this instance's cap."""
        self._consul, self._numbers, self._max_targets = consul, numbers, max_targets
        self._known: list[Campaign] = []
        self._read_at_s = float("-inf")

    async def create(self, request: CampaignRequest) -> tuple[Campaign, bool]:
        """Make a campaign, or find the one that the same request made before.

        Returns:
            The campaign, and whether it is new.

        Raises:
            Unprocessable: It cannot be probed like this, or its id belongs to other content.
            Forbidden: Loopback or private space without its key, or public space without a contact.
        """
        content = hashlib.sha256(json.dumps(request.to_json(), sort_keys=True).encode()).hexdigest()
        known = await self._find(request.id)
        if known is None:
            await self._write(await self._made(request, content))
            known = await self._find(request.id)
        if known is None or known.content_sha256 != content:
            raise Unprocessable(f"there is another campaign {request.id!r}: choose another id")
        self._read_at_s = float("-inf")
        return known, known.content_sha256 == content

    async def get(self, campaign_id: str) -> Campaign:
        """One campaign; raises NotFound where there is none."""
        found = await self._find(campaign_id)
        if found is None:
            raise NotFound(f"there is no campaign {campaign_id!r}")
        return found

    async def all(self) -> list[Campaign]:
        """All campaigns in the order of their creation."""
        if boottime_s() - self._read_at_s > FRESH_S:
            entries = await self._consul.kv_list(keys.CAMPAIGNS)
            found = [Campaign.from_json(json.loads(entry.value)) for entry in entries]
            self._known = sorted(found, key=lambda each: each.number)
            self._read_at_s = boottime_s()
        return self._known

    async def set_bytes(self, sha256: str) -> bytes:
        """The canonical document of a target set; raises NotFound where there is none."""
        pieces = await self._consul.kv_list(keys.target_set(sha256))
        if not pieces:
            raise NotFound(f"there is no target set {sha256}")
        return zstandard.ZstdDecompressor().decompress(b"".join(piece.value for piece in pieces))

    async def _find(self, campaign_id: str) -> Campaign | None:
        entry = await self._consul.kv_get(keys.campaign(campaign_id), consistent=True)
        return Campaign.from_json(json.loads(entry.value)) if entry else None

    async def _made(self, request: CampaignRequest, content: str) -> Campaign:
        found = self._planned(request)
        for each in found.sets.values():
            await self._store_set(each)
        number = await self._numbers.take(2)
        return Campaign(
            id=request.id,
            number=number,
            measurement=number + 1,
            name=request.name or request.id,
            sets={family: FamilySet(sha256=each.digest(), size=each.n) for family, each in found.sets.items()},
            rate_pps=found.rate_pps,
            allow_private=request.allow_private,
            contact=request.contact,
            probe=request.probe,
            content_sha256=content,
            created_at_us=wall_us(),
        )

    def _planned(self, request: CampaignRequest) -> plan.Plan:
        cap = min(request.max_targets or plan.MAX_TARGETS, self._max_targets)
        wishes = plan.Wishes(
            sampling=parse_sampling(request.per_prefix) if request.per_prefix else Sampling(),
            allow_private=request.allow_private,
            contact=request.contact,
            rate_pps=request.rate_pps,
            max_targets=cap,
        )
        blocks = [parse_block(text) for text in request.blocks]
        found = plan.make(request.id, blocks, [parse_block(text) for text in request.excludes], wishes)
        if found.needs_contact and not request.contact:
            raise Unprocessable("public targets need a contact that answers for the probes (RFC 9511)")
        return found

    async def _store_set(self, targets: TargetSet) -> None:
        packed = zstandard.ZstdCompressor(level=_LEVEL).compress(canonical_bytes(targets.to_document()))
        if len(packed) > MAX_SET_BYTES:
            raise TooLarge(f"the blocks take {len(packed):,} bytes, over {MAX_SET_BYTES:,}: make several campaigns")
        prefix = keys.target_set(targets.digest())
        for number, start in enumerate(range(0, len(packed), PIECE_BYTES)):
            await self._consul.kv_put(f"{prefix}{number:03}", packed[start : start + PIECE_BYTES])

    async def _write(self, campaign: Campaign) -> None:
        # False: another instance was first; whose content it is is compared by whoever reads it next.
        await self._consul.kv_put(keys.campaign(campaign.id), json.dumps(campaign.to_json()).encode(), cas=0)
