"""fping's lines, made of events; that they are fping's is shown by the integration tests, which run it."""

import pytest

from hoploom.cli.ping.hosts import DUPLICATE, ERROR, REFUSED, REPLY, TIMEOUT, Event, Host, Icmp, Totals
from hoploom.cli.ping.options import read
from hoploom.cli.ping.report import Line, Report, error_name, exit_code, milliseconds

MS = 1_000_000
ANSWER = Event(REPLY, 0, 1_700_000_000.123456, 5 * MS, 64, 57)
LOST = Event(TIMEOUT, 0, 1_700_000_000.5, is_last=True)
AGAIN = Event(DUPLICATE, 0, 1_700_000_000.2, 6 * MS, 64, 57)
REFUSAL = Event(REFUSED, 0, 1_700_000_000.0, reason="Network is unreachable", is_last=True)
UNREACHABLE = Event(ERROR, 0, 1_700_000_000.1, icmp=Icmp(3, 1, "127.0.9.9"))


def said(text: str, event: Event, address: str = "127.0.0.1") -> list[Line]:
    host = Host("a.test", address, "a.test")
    host.note(event)
    return Report(read([*text.split(), "x"]), 8).tell(host, event)


LINES = [
    ("alive", "", ANSWER, "a.test is alive"),
    ("alive, with its time", "-e", ANSWER, "a.test is alive (5.00 ms)"),
    ("the alive alone", "-a", ANSWER, "a.test"),
    ("the alive alone, with their times", "-a -e", ANSWER, "a.test (5.00 ms)"),
    ("of the unreachable alone nothing about the alive", "-u", ANSWER, None),
    ("quiet", "-q", ANSWER, None),
    ("enough", "-x 1", ANSWER, None),
    ("a line each", "-c 1", ANSWER, "a.test   : [0], 64 bytes, 5.00 ms (5.00 avg, 0% loss)"),
    ("a line each, stamped", "-c 1 -D", ANSWER,
     "[1700000000.12346] a.test   : [0], 64 bytes, 5.00 ms (5.00 avg, 0% loss)"),
    ("a quiet count", "-c 1 -q", ANSWER, None),
    ("a count of the alive", "-c 1 -a", ANSWER, None),
    ("a loop is never quiet", "-l -q", ANSWER, "a.test   : [0], 64 bytes, 5.00 ms (5.00 avg, 0% loss)"),
    ("but with interim sums it is", "-l -Q 1", ANSWER, None),
    ("given up: that is said at the end", "", LOST, None),
    ("timed out", "-c 1", LOST, "a.test   : [0], timed out (NaN avg, 100% loss)"),
    ("twice, in a count", "-c 1", AGAIN, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "event", "line"), [each[1:] for each in LINES], ids=[each[0] for each in LINES])
def test_what_is_said_on_stdout(text: str, event: Event, line: str | None) -> None:
    assert said(text, event) == ([] if line is None else [Line(line)])


ASIDE = [
    ("twice", "", AGAIN, "a.test : duplicate for [0], 64 bytes, 6.00 ms"),
    ("twice, in a quiet count", "-c 1 -q", AGAIN, "a.test : duplicate for [0], 64 bytes, 6.00 ms"),
    ("an ICMP error", "", UNREACHABLE, "ICMP Host Unreachable from 127.0.9.9 for ICMP Echo sent to a.test"),
    ("an ICMP error, quietly", "-q", UNREACHABLE, None),
    ("an ICMP error beside interim sums", "-c 1 -Q 1", UNREACHABLE, None),
    ("not sent, in a count", "-c 1", REFUSAL, None),
]


@pytest.mark.parametrize(("text", "event", "line"), [each[1:] for each in ASIDE], ids=[each[0] for each in ASIDE])
def test_what_is_said_on_stderr(text: str, event: Event, line: str | None) -> None:
    assert said(text, event) == ([] if line is None else [Line(line, is_error=True)])


def test_what_was_not_sent_says_why() -> None:
    assert said("", REFUSAL) == [Line("a.test: error while sending ping: Network is unreachable", is_error=True)]
    assert said("-u", REFUSAL) == said("-a", REFUSAL) == said("-q", REFUSAL) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ["h1 is unreachable", "h2 is unreachable"]), ("-u", ["h1", "h2"]), ("-a", []), ("-q", []),
     ("-x 1 -u", ["h1", "h2", "Enough hosts reachable (required: 1, reachable: 1)"]),
     ("-x 2", ["Not enough hosts reachable (required: 2, reachable: 1)"])],
)  # fmt: skip
def test_who_did_not_answer_is_said_at_the_end(text: str, expected: list[str]) -> None:
    found = Report(read([*text.split(), "x"]), 2).finish(hosts_of(1, 0, 0), Totals(), 1.0)
    assert found == [Line(each) for each in expected]


def test_fping_says_nothing_about_errors_of_ipv6() -> None:
    assert said("", UNREACHABLE, address="2001:db8::1") == []


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0, "0.000"), (999_400, "0.999"), (MS, "1.00"), (9_994_000, "9.99"), (10 * MS, "10.0"), (99_940_000, "99.9"),
     (100 * MS, "100"), (701_400_000, "701"), (10**12, "1.000e+06")],
)  # fmt: skip
def test_times_have_three_digits(ns: int, text: str) -> None:
    assert milliseconds(ns) == text


@pytest.mark.parametrize(
    ("icmp_type", "icmp_code", "name"),
    [(3, 0, "ICMP Network Unreachable"), (3, 13, "ICMP Unreachable (Communication Administratively Prohibited)"),
     (3, 99, "ICMP Unreachable (Invalid Code)"), (11, 0, "ICMP Time Exceeded"), (42, 0, "ICMP type 42")],
)  # fmt: skip
def test_errors_have_names(icmp_type: int, icmp_code: int, name: str) -> None:
    assert error_name(icmp_type, icmp_code) == name


def hosts_of(*received: int) -> list[Host]:
    hosts = [Host(f"h{each}", f"127.0.0.{each}", f"h{each}", keeps_times=True) for each in range(len(received))]
    for host, count in zip(hosts, received, strict=True):
        for request in range(2):
            host.note(ANSWER._replace(request=request) if request < count else LOST._replace(request=request))
    return hosts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-c 2", ["", "h0 : xmt/rcv/%loss = 2/2/0%, min/avg/max = 5.00/5.00/5.00", "h1 : xmt/rcv/%loss = 2/1/50%, "
                  "min/avg/max = 5.00/5.00/5.00", "h2 : xmt/rcv/%loss = 2/0/100%"]),
        ("-C 2", ["", "h0 : 5.00 5.00", "h1 : 5.00 -", "h2 : - -"]),
        ("-C 2 -q", ["h0 : 5.00 5.00", "h1 : 5.00 -", "h2 : - -"]),
        ("-c 2 -q -o -p 250", ["h0 : xmt/rcv/%loss = 2/2/0%, outage(ms) = 0, min/avg/max = 5.00/5.00/5.00",
                               "h1 : xmt/rcv/%loss = 2/1/50%, outage(ms) = 250, min/avg/max = 5.00/5.00/5.00",
                               "h2 : xmt/rcv/%loss = 2/0/100%, outage(ms) = 500"]),
    ],
)  # fmt: skip
def test_the_sums_at_the_end(text: str, expected: list[str]) -> None:
    found = Report(read([*text.split(), "x"]), 2).finish(hosts_of(2, 1, 0), Totals(), 1.0)
    assert [line.text for line in found] == expected and all(line.is_error for line in found)


def test_interim_sums_are_those_since_the_last() -> None:
    hosts = hosts_of(2)
    hosts[0].recent.sent = 7
    found = Report(read("-c 2 x".split()), 2).interim(hosts, "12:34:56")
    assert [line.text for line in found][:2] == ["", "[12:34:56]"] and "7/2/71%" in found[2].text


def test_netdatas_charts_are_told_of_once() -> None:
    report = Report(read("-l -N -Q 2 x".split()), 2)
    first, again = ([line.text for line in report.interim(hosts_of(1), "")] for _ in range(2))
    assert first[0].startswith("CHART fping.h0_packets") and not any(line.startswith("CHART") for line in again)


VERDICTS = [
    ("", (1, 1), 0, 0),
    ("", (1, 0), 0, 1),
    ("", (), 0, 1),
    ("", (), 1, 2),
    ("", (1, 1), 1, 2),
    ("-x 1", (1, 0), 0, 0),
    ("-x 2", (1, 0), 0, 1),
    ("-x 1", (1, 0), 1, 0),
    ("-x 1", (), 1, 2),
]


@pytest.mark.parametrize(("text", "received", "unknown", "code"), VERDICTS)
def test_the_exit_code_is_fpings(text: str, received: tuple[int, ...], unknown: int, code: int) -> None:
    assert exit_code(read([*text.split(), "x"]), hosts_of(*received), Totals(unknown=unknown)) == code
