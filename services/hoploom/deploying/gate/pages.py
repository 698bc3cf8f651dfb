"""Pages of metrics, as a Fabio and a service on the kit have them, to series that only grow. Pure.

Fabio 1.7.2 counts and times each request by service, route and target (`fabio_route`, a histogram); by status it counts
all of its requests together (`fabio_http_status`, by code; 1.7.3 adds the service). So it says how many an instance was
sent and how long they took, and how many failed, but not whose: that is `judging`'s to find out. Both include what
never reached an instance (502, 504; 500 where a connection broke).

A page may be anybody's: only lines that are asked for are parsed, and both their length and their number are bounded.

Source: Fabio v1.7.2, metrics/provider_prometheus.go, proxy/http_proxy.go (ServeHTTP), route/route.go (addTarget).
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from hoploom.kit.errors import Unavailable
from hoploom.kit.http_app import OWN_ENDPOINTS

Key = tuple[str, str, float]
"""(what counts together and is reset together, what is counted, the bound of a bucket or 0)."""
Series = dict[Key, float]

STATUSES, OWN = "statuses", "own"
FAILED, PASSED, ANSWERED, LOST, ARRIVED, WITHIN = "failed", "passed", "answered", "lost", "arrived", "within"
LINE_MOST = 2_000
LINES_MOST = 50_000
# What a counter of requests can be; beyond it a float counts no longer by one.
_MOST = 2.0**53
_ROUTER = re.compile(r"(?:\w+_)?(?:route_bucket|http_status_count)\{")
_INSTANCE = re.compile(r"hoploom_http_(?:requests_total|routed_requests_total|answer_seconds_bucket)[ {]")
_ROUTER_S_OWN = frozenset({"500", "502", "504"})
"""What Fabio answers by itself for a target that it did not reach; a service may answer these too."""


def of_router(text: str, service: str, targets: Collection[str]) -> Series:
    """What a Fabio says of some targets, and of the requests that failed.

    Args:
        text: Its page.
        service: Name of the service in Consul; statuses of others are left out where Fabio tells them apart.
        targets: `address:port` of the instances.

    Returns:
        `WITHIN` in a group for each target, `FAILED` (500, 502, 504) and `PASSED` (all) in the group `STATUSES`.

    Raises:
        Unavailable: It is no page of metrics, or a far too long one.
    """
    found: Series = {(STATUSES, FAILED, 0.0): 0.0, (STATUSES, PASSED, 0.0): 0.0}
    for sample in _samples(text, _ROUTER):
        if "target" in sample.labels:
            to = address(sample.labels["target"])
            if sample.labels.get("service") == service and to in targets:
                _add_bucket(found, to, sample)
        elif sample.labels.get("service", service) == service:
            _add(found, (STATUSES, PASSED, 0.0), sample)
            if sample.labels.get("code") in _ROUTER_S_OWN:
                _add(found, (STATUSES, FAILED, 0.0), sample)
    return found


def of_instance(text: str) -> Series:
    """What an instance on the kit says of its own answers, its own endpoints (`/health` ...) left out.

    Returns:
        In the group `OWN`: `ANSWERED`, `FAILED` (5xx), `LOST` (those of them that a router may answer, too), `WITHIN`,
        and `ARRIVED`: requests that a router passed on. Empty for a service that has no such metrics; without `ARRIVED`
        for a kit that is older than it.

    Raises:
        Unavailable: It is no page of metrics, or a far too long one.
    """
    found: Series = {}
    for sample in _samples(text, _INSTANCE):
        if sample.name == "hoploom_http_routed_requests_total":
            _add(found, (OWN, ARRIVED, 0.0), sample)
        elif sample.name == "hoploom_http_answer_seconds_bucket":
            _add_bucket(found, OWN, sample)
        elif sample.labels.get("route") not in OWN_ENDPOINTS:
            _add_answer(found, sample)
    if (OWN, ARRIVED, 0.0) in found:
        # It is on the kit, and has answered nobody yet.
        for name in (ANSWERED, FAILED, LOST):
            found.setdefault((OWN, name, 0.0), 0.0)
    return found


def address(url: str) -> str:
    """`address:port` of a target; empty for what is no URL."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _add_answer(found: Series, sample: Sample) -> None:
    status = sample.labels.get("status", "")
    _add(found, (OWN, ANSWERED, 0.0), sample)
    for name, counts in ((FAILED, status.startswith("5")), (LOST, status in _ROUTER_S_OWN)):
        found.setdefault((OWN, name, 0.0), 0.0)
        if counts:
            _add(found, (OWN, name, 0.0), sample)


def _add_bucket(found: Series, group: str, sample: Sample) -> None:
    try:
        bound = float(sample.labels.get("le", ""))
    except ValueError:
        return
    if not math.isnan(bound):
        _add(found, (group, WITHIN, bound), sample)


def _add(found: Series, key: Key, sample: Sample) -> None:
    # NaN compares as false.
    if 0 <= sample.value <= _MOST:
        found[key] = found.get(key, 0.0) + sample.value


def _samples(text: str, wanted: re.Pattern[str]) -> Iterator[Sample]:
    lines = [line for line in text.splitlines() if wanted.match(line) and len(line) <= LINE_MOST]
    if len(lines) > LINES_MOST:
        raise Unavailable(f"a page of metrics with {len(lines):,} lines on requests is too long to be one")
    try:
        for family in text_string_to_metric_families("\n".join(lines)):
            yield from family.samples
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise Unavailable(f"a page of metrics cannot be read ({type(error).__name__})") from error


def grown(total: Mapping[Key, float], last: Mapping[Key, float], now: Mapping[Key, float]) -> Series:
    """What has been counted in all, when a source has said `last` and says `now`.

    A source that was restarted begins anew at zero; then all that it says has come since. What it no longer speaks of
    stays as it was counted.

    Args:
        total: What was counted up to `last`.
        last: What the source said before.
        now: What it says.

    Source: Prometheus, "Query functions": increase() ("breaks in monotonicity ... are automatically adjusted for").
    """
    restarted, found = _begun_anew(last, now), dict(total)
    for key, value in now.items():
        before = 0.0 if key[0] in restarted else last.get(key, 0.0)
        found[key] = found.get(key, 0.0) + value - before
    return found


def let_go(last: Mapping[Key, float], now: Mapping[Key, float]) -> set[str]:
    """Targets that a router let go of since it said `last`: with each goes what it had counted since then.

    It speaks no more of them; or counts them, and not its other requests, from zero: the last answer that a target
    owed, which came when the router had let go of it, brings it back onto the page.

    Source: Fabio v1.7.2, route/table.go (cleanupStaleMetrics).
    """
    anew = _begun_anew(last, now)
    # A router that was restarted has lost its statuses as well.
    return set() if STATUSES in anew else anew | {key[0] for key in last} - {key[0] for key in now}


def _begun_anew(last: Mapping[Key, float], now: Mapping[Key, float]) -> set[str]:
    return {key[0] for key, value in last.items() if key in now and now[key] < value}
