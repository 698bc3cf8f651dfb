"""The rule by which a new version goes on, waits, or is taken back. Pure.

Of the requests that its instances were sent between two looks, the share that failed must not be above
`Policy.errors_most`, nor above what the old version fails in the same time, or has always failed, where that is more;
and no more than one in a hundred may take longer than `p99_factor` times the old version's 99th percentile and
`p99_slack_ms`. It is taken back as soon as either is broken by more than chance (`evidence`). It goes on when it has
had `requests_least` requests and both hold as counted. In between it waits: a share above the limit that may be chance
is neither good nor bad yet.

What failed without reaching an instance is Fabio's 500, 502 and 504 that no instance owns up to; of these each instance
is charged with what routers sent it and it never had. Where that cannot be known, all that is more than usual at these
routers is the new version's: for a service that does not say what it had (one that is not on the kit), and when routers
have let go of one of its instances, which died, and with it of what they had counted.

How sure (`python -m lab.gate_odds` in tests/; 10 % and then 50 % of 200 requests/s, a look a second, a minute each):
versions that answer as the old one does are taken back in 0 of 3,000 deploys, and where both fail 0.5 % as well; in 0
of 1,000 where both stand still for up to 0.3 s twice a minute, or at 20 requests/s; in fewer than 1 of 1,000 where both
fail 2 %. One that fails 3 % is taken back after 400 of its requests (95 % by 880), 10 % after 70, all after 21; where
the old one fails 1 %, 3 % show after 1,800. One that takes ten times as long is taken back after 120, three times after
1,100.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from hoploom.deploying.gate import evidence
from hoploom.deploying.gate.buckets import Buckets, together
from hoploom.deploying.gate.looks import Look, Seen, between
from hoploom.deploying.gate.slowness import SLOW, Courses, Slow, slowness
from hoploom.deploying.gate.verdicts import Group, Policy, Verdict

_WHOLE = 0.1
"""From such a share on nobody wants digits behind the point."""


@dataclass(frozen=True)
class _Tally:
    """One version between two looks."""

    seen: tuple[Seen, ...]
    unreached: float = 0.0

    @property
    def routed(self) -> float:
        return sum(each.routed.total for each in self.seen)

    @property
    def requests(self) -> float:
        # What a mute instance is charged with is among what it was sent.
        return sum(_requests(each) for each in self.seen) + (0.0 if _is_mute(self) else self.unreached)

    @property
    def errors(self) -> float:
        return sum(each.failed for each in self.seen) + self.unreached

    def times(self, *, own: bool) -> Buckets:
        return together(each.own if own else each.routed for each in self.seen)


def judge(since: Look, now: Look, new: Set[str], old: Set[str], policy: Policy) -> Verdict:
    """Compare a new version with the old one between two looks.

    Args:
        since: The look at which the new version was given its share of the requests.
        now: A later one of the same `Watcher`.
        new: `address:port` of its instances.
        old: Of those of the version before; empty where none takes requests any more.
        policy: What it must hold.
    """
    tallies = _charged(since, now, _tally(since, now, new), _tally(since, now, old))
    # Where nothing is left of the old version's traffic, what it did since it is counted says how it does.
    usual = tallies[1] if tallies[1].requests >= policy.requests_least else _whole(now, old, tallies[1])
    own = min(tallies[0].times(own=False).total, usual.times(own=False).total) < policy.requests_least
    times = (tallies[0].times(own=own), usual.times(own=own))
    groups = (_group(tallies[0], times[0]), _group(usual, times[1]))
    whole = _group(_whole(now, old, tallies[1]), Buckets())
    # In few requests of its own it may have failed none by chance, though it does fail.
    limit = max(_limit(usual_, policy) for usual_ in (groups[1], whole))
    return _verdict(groups, limit, slowness(times, policy, Courses(_course(since, now), new, old, own)), policy, now)


def _course(since: Look, now: Look) -> list[Look]:
    between_ = [each for each in now.course if since.at_s < each.at_s < now.at_s]
    return [since, *between_, now]


def _verdict(groups: tuple[Group, Group], limit: float, slow: Slow | None, policy: Policy, now: Look) -> Verdict:
    new, old = groups
    if evidence.is_above(new.errors, new.requests, limit):
        why = f"{_share(new)} failed (5xx), over {_percent(limit)}{_beside(old)}"
        return Verdict(ok=False, enough=True, new=new, old=old, why=why)
    if slow and slow.is_surely_over:
        return Verdict(ok=False, enough=True, new=new, old=old, why=f"p99 {_ms(new)}, over {slow.most}")
    if new.requests < policy.requests_least:
        return Verdict(ok=True, enough=False, new=new, old=old, why=_too_few(new, policy, now))
    if new.share > limit:
        why = f"{_share(new)} failed, over {_percent(limit)}, which may be chance: more requests will tell"
        return Verdict(ok=True, enough=False, new=new, old=old, why=why)
    if slow and slow.is_over:
        why = f"p99 {_ms(new)}, over {slow.most}, which may be chance: more requests will tell"
        return Verdict(ok=True, enough=False, new=new, old=old, why=why)
    return Verdict(ok=True, enough=True, new=new, old=old, why=f"{_share(new)} failed, p99 {_ms(new)}{_beside(old)}")


def _limit(old: Group, policy: Policy) -> float:
    """What may fail: the policy's share, or what the old version fails where that is more."""
    return evidence.upper(old.errors, old.requests) if old.share > policy.errors_most else policy.errors_most


def _tally(since: Look, now: Look, targets: Iterable[str]) -> _Tally:
    return _Tally(tuple(between(since.of(each), now.of(each)) for each in sorted(targets)))


def _whole(now: Look, targets: Iterable[str], window: _Tally) -> _Tally:
    seen = tuple(now.of(each) for each in sorted(targets))
    return _Tally(seen, window.unreached)


def _charged(since: Look, now: Look, new: _Tally, old: _Tally) -> tuple[_Tally, _Tally]:
    """Charge what never reached an instance to the version whose instances it was meant for."""
    owned = sum(each.lost for each in (*new.seen, *old.seen))
    pool = max(0.0, now.failed - since.failed - owned)
    meant = [sum(map(_never_had, tally.seen)) for tally in (new, old)]
    # Instances and routers are not asked in the same instant, so a difference alone says nothing; routers' failures do.
    part = min(1.0, pool / sum(meant)) if sum(meant) else 0.0
    charged = [round(each * part) for each in meant]
    usual = since.failed / since.passed * (now.passed - since.passed) if since.passed else 0.0
    rest = max(0.0, pool - sum(charged) - usual)
    if rest and (_is_mute(new) or any(each.let_go for each in new.seen)):
        charged[0] += round(rest)
    return _Tally(new.seen, charged[0]), _Tally(old.seen, charged[1])


def _never_had(seen: Seen) -> float:
    return 0.0 if seen.arrived is None else max(0.0, seen.routed.total - seen.arrived)


def _is_mute(tally: _Tally) -> bool:
    return any(each.arrived is None and each.routed.total for each in tally.seen)


def _requests(seen: Seen) -> float:
    if seen.answered is None:
        return seen.routed.total
    return seen.answered if seen.arrived is not None else max(seen.answered, seen.routed.total)


def _group(tally: _Tally, times: Buckets) -> Group:
    p99_s = times.quantile_s(1 - SLOW)
    requests = round(tally.requests)
    return Group(requests, min(requests, round(tally.errors)), None if p99_s is None else p99_s * 1000)


def _too_few(new: Group, policy: Policy, now: Look) -> str:
    said = f"{new.requests:,} of the {policy.requests_least:,} requests that it takes to judge"
    return f"{said} (no metrics from {', '.join(now.silent[:3])})" if now.silent else said


def _share(group: Group) -> str:
    return f"{_percent(group.share)} of {group.requests:,} requests"


def _beside(old: Group) -> str:
    return f" (old {_percent(old.share)}, p99 {_ms(old)})" if old.requests else ""


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share >= _WHOLE else f"{share * 100:.2g} %"


def _ms(group: Group) -> str:
    return "unknown" if group.p99_ms is None else f"{group.p99_ms:,.0f} ms"
