"""How vegeta's results are read, and what is counted as failed."""

import base64
import json

import pytest

from vegeta import Account, Sent, Target, late, read

URL = "http://127.0.0.1:9999/orders"
GOOD = {("GET", URL): (200,), ("POST", URL): (204,)}


def row(method: str, code: int, error: str = "", body: str = "") -> str:
    text = base64.b64encode(body.encode()).decode()
    return f"1700000000500000000,{code},2500000,100,9,{error},{text},,7,{method},{URL},"


@pytest.mark.parametrize(
    ("line", "good", "words"),
    [
        pytest.param(row("GET", 200, body="fine"), True, "", id="what the service answers is good"),
        pytest.param(row("POST", 204), True, "", id="so is another status where it is the service's own"),
        pytest.param(row("GET", 204), False, "", id="a status of somebody else's is not"),
        pytest.param(row("GET", 502, "502 Bad Gateway", "gone\n"), False, "502 Bad Gateway gone", id="nor a router's"),
        pytest.param(row("POST", 0, "connection refused"), False, "connection refused", id="nor no answer"),
        pytest.param(row("GET", 200, "unexpected EOF"), False, "unexpected EOF", id="nor one that breaks off"),
    ],
)
def test_what_came_of_a_request(line: str, good: bool, words: str) -> None:
    [sent] = read(line, True, GOOD)
    assert (sent.good, sent.words, sent.is_kept) == (good, words, True)
    assert (sent.at_s, sent.took_s) == (1_700_000_000.5, 0.0025)


def test_a_failure_says_when_how_and_what() -> None:
    [sent] = read(row("POST", 502, "502 Bad Gateway"), False, GOOD)
    assert str(sent) == f"22:13:20.500 POST {URL} (new): 502 after 0.003 s 502 Bad Gateway"


def test_a_target_is_written_as_vegeta_reads_it() -> None:
    line = json.loads(Target("POST", URL, b"\x00x", {"Authorization": "Bearer t"}).line())
    assert line == {"method": "POST", "url": URL, "body": "AHg=", "header": {"Authorization": ["Bearer t"]}}


def sent(at_s: float, *, good: bool = True, took_s: float = 0.01) -> Sent:
    return Sent(at_s, took_s, "GET", URL, 200 if good else 502, "", True, good)


def test_failures_are_counted_in_goes() -> None:
    failed_at = [10.0, 10.5, 11.0, 30.0, 31.5, 60.0]
    account = Account(tuple([*(sent(at_s, good=False) for at_s in failed_at), *map(sent, range(70))]))
    assert (len(account.failed), account.worst) == (6, (3, 1.0))
    assert account.codes == {"GET 200": 70, "GET 502": 6}


def test_where_nothing_failed_no_go_lasted() -> None:
    assert Account(tuple(map(sent, range(3)))).worst == (0, 0.0)


def test_the_slowest_hundredth_is_seen() -> None:
    account = Account(tuple(sent(number, took_s=1.0 if number >= 98 else 0.01) for number in range(100)))
    assert account.within_ms(50) == pytest.approx(10)
    assert account.within_ms(99) > 900


def test_who_was_sent_after_its_time_was_late_and_the_first_may_have_been_it() -> None:
    found = late([sent(at_s) for at_s in (10.3, 10.1, 10.2, 10.8)], 10)
    assert [round(each.late_s, 6) for each in found] == [0.0, 0.0, 0.0, 0.4]
    assert [round(each.late_s, 6) for each in late([sent(10.5), sent(10.6), sent(10.61)], 10)] == [0.09, 0.09, 0.0]


def test_kinds_of_failures_are_counted() -> None:
    words = "dial tcp 127.0.0.1:9999: connect: connection refused"
    failed = Sent(1.0, 0.01, "POST", URL + "?x=1", 0, words, False, False)
    account = Account((failed, failed, sent(2.0, good=False), sent(3.0)))
    assert account.kinds == {"POST /orders connection refused (new)": 2, "GET /orders 502 (kept)": 1}


def test_a_target_has_a_path() -> None:
    assert [Target("GET", f"http://127.0.0.1:1/a{query}").path for query in ("", "?b=1")] == ["/a", "/a?b=1"]


def test_a_request_that_was_on_its_way_belongs_to_what_came_then() -> None:
    over, on_its_way, later = sent(1.0, took_s=0.5), sent(1.8, took_s=0.5), sent(2.5)
    before, then = Account((over, on_its_way, later)).split(2.0)
    assert (before.sent, then.sent) == ((over,), (on_its_way, later))
