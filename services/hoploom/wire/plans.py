"""The plan of a campaign that somebody asks for: computed before anything is sent, and shown to whoever has to agree.

The same arithmetic for a dry run, a page and the input service, which trusts nobody else's. Pure.
"""

from typing import Any

from hoploom.kit.errors import ConfigError, Unprocessable
from hoploom.targets import plan
from hoploom.targets.notation import parse_block
from hoploom.targets.sampling import Sampling, parse_sampling
from hoploom.wire.campaign_request import CampaignRequest

NO_CONTACT = "public targets need a contact that answers for the probes (RFC 9511)"


def planned(request: CampaignRequest, cap: int = plan.MAX_TARGETS) -> plan.Plan:
    """The plan of a request.

    Args:
        request: What is wanted. Whether it names a contact where one is needed is not looked at.
        cap: The most targets that whoever plans allows.

    Raises:
        Unprocessable: It cannot be probed like this.
        Forbidden: Loopback or private space without its key.
    """
    try:
        sampling = parse_sampling(request.per_prefix) if request.per_prefix else Sampling()
    except ConfigError as error:
        raise Unprocessable(str(error)) from error
    wishes = plan.Wishes(
        sampling=sampling,
        allow_private=request.allow_private,
        contact=request.contact,
        rate_pps=request.rate_pps,
        max_targets=min(request.max_targets or plan.MAX_TARGETS, cap),
    )
    blocks = [parse_block(text) for text in request.blocks]
    return plan.make(request.id, blocks, [parse_block(text) for text in request.excludes], wishes)


def lacks_contact(found: plan.Plan, request: CampaignRequest) -> bool:
    """Whether other people's networks would be probed by nobody who answers for it."""
    return found.needs_contact and not request.contact


def shown(found: plan.Plan, request: CampaignRequest) -> dict[str, Any]:
    """A plan as a JSON document.

    Args:
        found: The plan.
        request: What it is of.
    """
    probe = request.probe
    return {
        "blocks": found.blocks,
        "addresses": found.addresses,
        "excluded": found.excluded,
        "special": found.special,
        "spaces": {space.value: count for space, count in found.spaces.items()},
        "sampling": sampling_rules(found),
        "targets": found.targets,
        "families": {str(family): each.n for family, each in found.sets.items()},
        "rate_pps": found.rate_pps,
        "network_pps": request.network_pps,
        "mbit_s": found.mbit_s(probe.size_bytes),
        "kind": probe.kind,
        "packets": found.targets * probe.packets_per_target,
        "seconds": found.seconds(probe.packets_per_target),
        "rounds": request.rounds,
        "needs_contact": found.needs_contact,
        "lacks_contact": lacks_contact(found, request),
    }


def sampling_rules(found: plan.Plan) -> list[str]:
    """How targets are chosen of the addresses, in words."""
    rules = {part.rule for each in found.sets.values() for part in each.parts}
    return sorted(f"at most {rule.samples} a /{rule.prefix}" if rule.samples else "every address" for rule in rules)
