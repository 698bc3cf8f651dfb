"""Charts for netdata."""

from hoploom.cli.ping.hosts import Host
from hoploom.cli.ping.netdata import charts


def host(*rtts_ns: int, lost: int = 0) -> Host:
    found = Host("a'b.test", "127.0.0.1", "a'b.test")
    for each in rtts_ns:
        found.recent.answered(each)
    found.recent.sent += lost
    return found


def test_values_stand_between_begin_and_end() -> None:
    assert list(charts(host(1000, 3000, lost=2), 1, is_first=False)) == [
        "BEGIN fping.ab_test_packets", "SET xmt = 4", "SET rcv = 2", "END",
        "BEGIN fping.ab_test_quality", "SET returned = 50", "END",
        "BEGIN fping.ab_test_latency", "SET min = 1000", "SET avg = 2000", "SET max = 3000", "END",
    ]  # fmt: skip


def test_without_answers_there_is_no_latency() -> None:
    lines = list(charts(host(lost=1), 1, is_first=False))
    assert lines[-2:] == ["BEGIN fping.ab_test_latency", "END"] and "SET returned = 0" in lines


def test_the_first_time_the_charts_are_defined_and_no_name_breaks_a_quote() -> None:
    lines = list(charts(host(1000), 5, is_first=True))
    heads = [line for line in lines if line.startswith("CHART")]
    assert len(heads) == 3 and all(line.endswith(" 5") and line.count("'") % 2 == 0 for line in heads)
    assert "DIMENSION avg average absolute 1 1000000" in lines
