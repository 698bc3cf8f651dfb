"""The book of what became of each target."""

from hoploom.cli.ping.hosts import DUPLICATE, ERROR, REFUSED, REPLY, TIMEOUT, Event, Host, Icmp, Span

MS = 1_000_000


def test_a_span_sums_up() -> None:
    span = Span()
    assert (span.least_ns, span.mean_ns, span.most_ns, span.loss_percent) == (-1, -1, -1, 0)
    span.answered(30 * MS)
    span.answered(10 * MS)
    span.sent += 1
    assert (span.least_ns, span.mean_ns, span.most_ns, span.loss_percent) == (10 * MS, 20 * MS, 30 * MS, 33)


def test_events_are_written_down() -> None:
    host = Host("a", "127.0.0.1", "a", keeps_times=True)
    for event in (
        Event(REPLY, 0, 1.0, 5 * MS, 64, 57),
        Event(DUPLICATE, 0, 1.1, 6 * MS, 64, 57),
        Event(TIMEOUT, 1, 2.0),
        Event(ERROR, 2, 3.0, icmp=Icmp(3, 1, "127.0.9.9")),
        Event(TIMEOUT, 2, 4.0),
        Event(REFUSED, 3, 5.0, reason="Network is unreachable"),
    ):
        host.note(event)
    assert host.is_alive and (host.whole.sent, host.whole.received, host.duplicates, host.ttl) == (4, 1, 1, 57)
    assert host.rtts_ns == {0: 5 * MS, 1: -1, 2: -1, 3: -1}
    assert host.icmp == (3, 1, "127.0.9.9") and host.refusal == "Network is unreachable"
    assert (host.recent.sent, host.recent.received) == (4, 1)


def test_times_are_kept_only_where_they_are_asked_for() -> None:
    host = Host("a", "127.0.0.1", "a")
    host.note(Event(REPLY, 0, 1.0, 5 * MS, 64, 57))
    assert host.rtts_ns == {}
