"""What a person reads of a plan before anything is sent, and of a campaign when it is over."""

from collections.abc import Mapping

from hoploom.targets import plan
from hoploom.wire import plans
from hoploom.wire.campaign_request import CampaignRequest
from hoploom.wire.probe import TRACE, TRACE_PACKETS, Probe

Line = tuple[str, str]


def describe(found: plan.Plan, request: CampaignRequest) -> list[Line]:
    """The plan, line by line: what each is about, and what it says."""
    spaces = ", ".join(f"{count:,} {space.value}" for space, count in found.spaces.items())
    rules = ", ".join(plans.sampling_rules(found))
    lines = [
        ("blocks", f"{found.blocks:,} given, {found.addresses:,} addresses merged; minus excluded {found.excluded:,}, "
                   f"minus special-purpose {found.special:,}; left: {spaces}"),
        ("targets", " and ".join(f"{each.n:,} IPv{family}" for family, each in found.sets.items()) + f" ({rules})"),
        *_packets(found, request.probe),
        ("rate", rate(found, request.probe)),
    ]
    lines += again(request)
    if found.needs_contact:
        contact = request.contact or "none: public addresses need one (--contact noc@example.org)"
        lines.append(("contact", contact))
    return lines


def again(request: CampaignRequest) -> list[Line]:
    """What rounds, rests and caps cost."""
    lines = []
    if request.rounds != 1:
        lines.append(("rounds", f"{request.rounds or 'without end'}, for each group"))
    if request.cooldown_minutes:
        across = "over all groups" if request.cooldown_scope == "mesh" else "within a group"
        minutes = request.cooldown_minutes
        lines.append(("cooldown", f"a target rests {minutes} min {across}: a round takes at least that, "
                                  f"and what a dead worker held waits {minutes} min"))
    if request.network_pps:
        lines.append(("cap", f"{request.network_pps} packets a second to one /24 or /48 from all workers together"))
    return lines


def rate(found: plan.Plan, probe: Probe) -> str:
    """How fast, and so how long."""
    seconds, mbit_s = found.seconds(probe.packets_per_target), found.mbit_s(probe.size_bytes)
    if seconds is None or mbit_s is None:
        return "as fast as the workers can (loopback)"
    took = f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"  # noqa: PLR2004
    return f"{found.rate_pps:,} packets a second from all workers together, {mbit_s:.2f} Mbit/s: {took}"


def ended(probe: Probe, targets: int, found: Mapping[str, int], seconds: float) -> Line:
    """What became of the targets."""
    lost, came = ("lost", "answered") if probe.kind != TRACE else ("ended in silence or a loop", "reached")
    others = f"{lost} {found['lost']:,}, " + ", ".join(
        f"{name} {found[name]:,}" for name in ("unreachable", "failed", "duplicates")
    )
    hops = f", {found['hops']:,} hops" if probe.kind == TRACE else ""
    label = "traced" if probe.kind == TRACE else "mapped"
    return label, f"{found['answered']:,} of {targets:,} {came} ({others}){hops} in {seconds:.1f} s"


def _packets(found: plan.Plan, probe: Probe) -> list[Line]:
    """Only where nobody can know them before."""
    if probe.kind != TRACE:
        return []
    packets = found.targets * probe.packets_per_target
    how = f"traceroutes by {probe.protocol.upper()} up to {probe.max_ttl} hops"
    return [("packets", f"some {packets:,}: {how}, of which most take about {TRACE_PACKETS} packets, because they "
                        "share their first hops")]


