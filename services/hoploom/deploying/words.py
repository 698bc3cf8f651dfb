"""A deploy's lines for a person: a label and a sentence, from a plan and from what its course tells. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from hoploom.deploying.happenings import Tell
from hoploom.deploying.plan import Plan, Way

Line = tuple[str, str]
_WAYS = {
    Way.CANARY: "beside the old ones, share after share",
    Way.BLUE_GREEN: "beside the old ones, all requests at once",
    Way.BESIDE: "beside the old ones (Fabio routes nothing to them, so there is nothing to share)",
    Way.ROLLED: "one after another: there is no room for two",
}
_MINUTE = 60.0


def planned(plan: Plan) -> Iterator[Line]:
    """What will be done."""
    if plan.same:
        yield "plan", f"{plan.new} runs already (modify index {plan.modify_index})"
        return
    old = ", ".join(plan.old) or "nothing"
    where = " then ".join(plan.road.datacenters) or "nowhere yet"
    archive = f"; archive {plan.archive}" if plan.archive else ""
    yield "plan", (f"{old} -> {plan.new} on {instances(plan.road.count)}, {where}{archive}; "
                   f"modify index {plan.modify_index}")  # fmt: skip
    steps = ", ".join(f"{each.share * 100:g} % for {each.seconds:g} s" for each in plan.road.steps)
    yield "way", _WAYS[plan.way] + (f": {steps}" if steps else "")
    yield from (("change", each) for each in plan.changes)
    yield from (("warning", each) for each in plan.warnings)
    yield from (("refused", each) for each in plan.refused)


def told(tell: Tell, service: str) -> Line:
    """What its course tells."""
    return _TOLD[tell.what](tell.facts, service)


def instances(count: int) -> str:
    """So many of them."""
    return f"{count} instance{'' if count == 1 else 's'}"


def _canary(facts: Mapping[str, Any], _: str) -> Line:
    listed = f" and in {facts['routers']}/{facts['routers']} Fabios" if facts["routers"] else ""
    return "canary", f"{facts['id']} on {facts['node']}: passing{listed} after {facts['after_s']:.1f} s"


def _rolled(facts: Mapping[str, Any], _: str) -> Line:
    listed = f" and in {facts['routers']}/{facts['routers']} Fabios" if facts["routers"] else ""
    return "rolled", f"{facts['number']} of {facts['of']}: {facts['id']} on {facts['node']}: passing{listed}"


def _weight(facts: Mapping[str, Any], _: str) -> Line:
    if not facts["watched"]:
        return "weight", f"{_share(facts)}, unwatched"
    few = "" if facts["enough"] else "too few to judge and none failed: "
    judged = f"{few}gate ok" if facts["requests"] else "nobody asked, so nothing was judged"
    return "weight", f"{_share(facts)}  {facts['seconds']:.0f} s  {_counts(facts)}   {judged}"


def _share(facts: Mapping[str, Any]) -> str:
    return f"{facts['share'] * 100:g} % in {facts['dc']}" if facts["share"] is not None else f"in {facts['dc']}"


def _counts(facts: Mapping[str, Any]) -> str:
    old = f" (old {facts['old_p99_ms']:.0f})" if facts["old_p99_ms"] is not None else ""
    p99 = f"  p99 {facts['p99_ms']:.0f} ms{old}" if facts["p99_ms"] is not None else ""
    return f"{facts['requests']:,} requests  {facts['errors']:,} errors{p99}"


def _breach(facts: Mapping[str, Any], _: str) -> Line:
    return "breach", f"{_share(facts)}  {_counts(facts)}: {facts['why']}"


def _back(facts: Mapping[str, Any], _: str) -> Line:
    return "back", f"{facts['why']}: the new version gets nothing from now on"


def _silent(facts: Mapping[str, Any], _: str) -> Line:
    return "silent", f"weight 0 in {facts['dc']} after {facts['after_s']:.2f} s"


def _trouble(facts: Mapping[str, Any], _: str) -> Line:
    return "trouble", f"{facts['dc']}: {facts['why']}"


def _promoted(facts: Mapping[str, Any], _: str) -> Line:
    old = ", ".join(facts["old"])
    return "promoted", f"{old} drained, each gone from every Fabio before it stopped ({facts['after_s']:.1f} s)"


def _patience(facts: Mapping[str, Any], _: str) -> Line:
    return "patience", str(facts["why"])


def _undone(facts: Mapping[str, Any], _: str) -> Line:
    old = ", ".join(facts["old"]) or "the old version"
    return "undone", f"{old} runs as before, and nothing of {facts['new']} is left ({_time(facts['took_s'])})"


def _left(facts: Mapping[str, Any], service: str) -> Line:
    return "left", (f"{facts['why']}. Go on by the same command, or take it back by "
                    f"`hoploom deploy {service} --rollback`")  # fmt: skip


def _lock(facts: Mapping[str, Any], service: str) -> Line:
    return "lock", (f"it may still stand in Consul ({facts['why']}): that ends within 20 s, and the next deploy of "
                    f"{service} sees to what is left of it")  # fmt: skip


def _logs(facts: Mapping[str, Any], _: str) -> Line:
    return "logs", f"hoploom logs {facts['id']}"


def _found(facts: Mapping[str, Any], _: str) -> Line:
    return "found", f"a deploy broke off {facts['where'] or 'at its beginning'} ({facts['who']}): {facts['to']}"


def _done(facts: Mapping[str, Any], service: str) -> Line:
    counted = f"in {_time(facts['took_s'])}"
    if facts["requests"]:
        counted += f"; of {facts['requests']:,} requests to the new version {facts['errors']:,} failed"
    return "done", f"{counted}.    undo: hoploom deploy {service} --rollback"


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < _MINUTE else f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"


_TOLD = {
    "found": _found, "lock": _lock, "logs": _logs,
    "canary": _canary, "rolled": _rolled, "weight": _weight, "breach": _breach, "back": _back, "silent": _silent,
    "trouble": _trouble, "promoted": _promoted, "patience": _patience, "undone": _undone, "left": _left, "done": _done,
}  # fmt: skip
