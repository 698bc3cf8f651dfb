"""Prometheus metrics of a process: every series carries `instance_id`, `service` and `dc`.

Modules declare their metrics once at import with `counter`, `gauge` and `histogram`. The identity labels are added when
the page is made, so no call site repeats them. No address, user or target is ever a label.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# From 1 ms (loopback) to 10 s (the longest request that a drain waits for).
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Half as much again from bound to bound: a 99th percentile is known well enough to compare two versions by it.
FINE_SECONDS = (
    0.002, 0.005, 0.01, 0.015, 0.022, 0.033, 0.05, 0.075, 0.11, 0.17, 0.25, 0.38, 0.57, 0.85, 1.3, 2.0, 3.0, 5.0, 10.0,
)  # fmt: skip

Numbers = Callable[[], Iterable[tuple[Sequence[str], float]]]

registry = CollectorRegistry()
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
prometheus_client.ProcessCollector(registry=registry)


def counter(name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
    """A number that only grows; the name ends in `_total`."""
    return Counter(name, meaning, labels, registry=registry)


def gauge(name: str, meaning: str, labels: Sequence[str] = ()) -> Gauge:
    """A number that goes up and down."""
    return Gauge(name, meaning, labels, registry=registry)


def histogram(name: str, meaning: str, labels: Sequence[str] = (), buckets: Sequence[float] = SECONDS) -> Histogram:
    """A distribution, in base units (seconds or bytes)."""
    return Histogram(name, meaning, labels, buckets=buckets, registry=registry)


class _Kept(Collector):
    """A counter of which somebody else keeps the numbers."""

    def __init__(self, name: str, meaning: str, labels: Sequence[str], read: Numbers) -> None:
        self._about, self._labels, self._read = (name, meaning), labels, read

    def collect(self) -> Iterable[Metric]:
        found = CounterMetricFamily(*self._about, labels=self._labels)
        for labels, number in self._read():
            found.add_metric(labels, number)
        yield found


def kept(name: str, meaning: str, labels: Sequence[str], read: Numbers) -> None:
    """A counter of which the caller keeps the numbers, where adding to one of `counter` would be too slow.

    Args:
        name: Ends in `_total`.
        meaning: In words.
        labels: Names of its labels.
        read: Gives the labels' values and the number of each series when the page is made.
    """
    registry.register(_Kept(name, meaning, labels, read))


class _Identified:
    """The registry with the identity labels on every sample."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = dict(labels)

    def collect(self) -> Iterable[Metric]:
        for metric in registry.collect():
            named = Metric(metric.name, metric.documentation, metric.type, metric.unit)
            named.samples = [sample._replace(labels={**sample.labels, **self._labels}) for sample in metric.samples]
            yield named


def page(instance_id: str, service: str, dc: str) -> bytes:
    """The metrics page in Prometheus's text format.

    Args:
        instance_id: Id of this instance, as registered in Consul.
        service: Name of the service.
        dc: Datacenter.
    """
    labels = {"instance_id": instance_id, "service": service, "dc": dc}
    return prometheus_client.generate_latest(_Identified(labels))
