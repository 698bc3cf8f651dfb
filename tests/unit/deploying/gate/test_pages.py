"""Pages of metrics: what Fabio 1.7.2 and the kit write, restarts, and what is no page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.deploying.gate import pages
from hoploom.deploying.gate.pages import ANSWERED, ARRIVED, FAILED, LOST, OWN, PASSED, STATUSES, WITHIN, grown, let_go
from hoploom.kit.errors import Unavailable

TO = "127.0.0.1:20801"
# As a Fabio 1.7.2 writes it, shortened.
FABIO = """# HELP fabio_http_status
# TYPE fabio_http_status histogram
fabio_http_status_bucket{code="200",le="0.01"} 2
fabio_http_status_count{code="200"} 18
fabio_http_status_count{code="502"} 3
fabio_http_status_count{code="503"} 5
fabio_route_bucket{host="",path="/orders",service="orders",target="http://127.0.0.1:20801/",le="0.01"} 4
fabio_route_bucket{host="",path="/orders",service="orders",target="http://127.0.0.1:20801/",le="+Inf"} 16
fabio_route_bucket{host="",path="/b",service="orders",target="http://127.0.0.1:20801/",le="+Inf"} 1
fabio_route_bucket{host="",path="/orders",service="orders",target="http://127.0.0.1:1/",le="+Inf"} 9
fabio_route_bucket{host="",path="/stock",service="stock",target="http://127.0.0.1:20801/",le="+Inf"} 7
fabio_requests_bucket{le="+Inf"} 26
"""
KIT = """hoploom_http_requests_total{instance_id="a",method="GET",route="/orders",status="200"} 16.0
hoploom_http_requests_total{instance_id="a",method="GET",route="/orders",status="503"} 2.0
hoploom_http_requests_total{instance_id="a",method="GET",route="/orders",status="500"} 1.0
hoploom_http_requests_total{instance_id="a",method="GET",route="/health",status="500"} 70.0
hoploom_http_answer_seconds_bucket{instance_id="a",le="0.002"} 4.0
hoploom_http_answer_seconds_bucket{instance_id="a",le="+Inf"} 19.0
hoploom_http_routed_requests_total{instance_id="a"} 18.0
hoploom_http_requests_in_flight{instance_id="a"} 1.0
"""


def test_fabio_says_how_many_an_instance_was_sent_and_how_many_failed() -> None:
    assert pages.of_router(FABIO, "orders", {TO}) == {
        (STATUSES, PASSED, 0.0): 26,
        (STATUSES, FAILED, 0.0): 3,
        (TO, WITHIN, 0.01): 4,
        (TO, WITHIN, float("inf")): 17,
    }


def test_a_fabio_that_tells_services_apart_is_asked_for_one() -> None:
    newer = 'x_fabio_http_status_count{code="502",service="orders"} 3\n'
    others = newer.replace("orders", "stock")
    assert pages.of_router(newer + others, "orders", {TO}) == {(STATUSES, PASSED, 0.0): 3, (STATUSES, FAILED, 0.0): 3}


def test_an_instance_says_what_it_answered() -> None:
    found = pages.of_instance(KIT)
    assert {key[1]: value for key, value in found.items() if key[1] != WITHIN} == {
        ANSWERED: 19, FAILED: 3, LOST: 1, ARRIVED: 18,
    }  # fmt: skip
    assert found[OWN, WITHIN, 0.002] == 4


def test_a_page_without_such_metrics_says_nothing() -> None:
    assert pages.of_instance("go_goroutines 7\n") == {}


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-1", "1e300"])
def test_what_is_no_count_is_left_out(value: str) -> None:
    assert pages.of_instance(f"hoploom_http_routed_requests_total {value}\n") == {}


@pytest.mark.parametrize(
    "text",
    ['hoploom_http_routed_requests_total{a="} 1\n', "hoploom_http_routed_requests_total {\n"],
    ids=["an open quote", "an open brace"],
)
def test_a_line_that_cannot_be_read_is_said(text: str) -> None:
    with pytest.raises(Unavailable, match="cannot be read"):
        pages.of_instance(text)


def test_a_page_without_an_end_is_refused() -> None:
    with pytest.raises(Unavailable, match="too long"):
        pages.of_instance("hoploom_http_routed_requests_total 1\n" * (pages.LINES_MOST + 1))


def test_a_line_without_an_end_is_left_out() -> None:
    assert pages.of_instance('hoploom_http_routed_requests_total{a="' + "\\" * 100_000 + '"} 1\n') == {}


@given(
    st.text(),
    st.sampled_from(["hoploom_http_requests_total{", "hoploom_http_answer_seconds_bucket{le=", "route_bucket{"]),
)
def test_nothing_but_unavailable_comes_of_any_text(text: str, begins: str) -> None:
    for read in (pages.of_instance, lambda page: pages.of_router(page, "orders", {TO})):
        try:
            read(begins + text)
        except Unavailable:
            continue


def key(group: str, bound: float = 0.0) -> pages.Key:
    return (group, WITHIN, bound)


GROWN = [
    ("grows", {key("a"): 5.0}, {key("a"): 7.0}, {key("a"): 12.0}),
    ("was restarted", {key("a"): 5.0}, {key("a"): 2.0}, {key("a"): 12.0}),
    ("was restarted, with more in one bucket", {key("a", 1): 1.0, key("a", 2): 9.0},
     {key("a", 1): 2.0, key("a", 2): 3.0}, {key("a", 1): 12.0, key("a", 2): 13.0}),
    ("comes to be", {}, {key("a"): 3.0}, {key("a"): 13.0}),
    ("is gone", {key("a"): 5.0}, {}, {key("a"): 10.0}),
]  # fmt: skip


@pytest.mark.parametrize(("last", "now", "expected"), [each[1:] for each in GROWN], ids=[each[0] for each in GROWN])
def test_what_a_source_counts_is_added_up_when_it(
    last: pages.Series, now: pages.Series, expected: pages.Series
) -> None:
    assert grown(dict.fromkeys(expected, 10.0), last, now) == expected


STATUS = (STATUSES, PASSED, 0.0)
LET_GO = [
    ("counts on", {key("a"): 5.0, STATUS: 9.0}, {key("a"): 7.0, STATUS: 9.0}, set()),
    ("speaks of it no more", {key("a"): 5.0, STATUS: 9.0}, {STATUS: 9.0}, {"a"}),
    ("counts it from zero, and nothing else", {key("a"): 5.0, STATUS: 9.0}, {key("a"): 2.0, STATUS: 9.0}, {"a"}),
    ("was restarted", {key("a"): 5.0, key("b"): 1.0, STATUS: 9.0}, {key("a"): 2.0, STATUS: 3.0}, set()),
    ("speaks of it for the first time", {STATUS: 9.0}, {key("a"): 2.0, STATUS: 9.0}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("last", "now", "expected"), [each[1:] for each in LET_GO], ids=[each[0] for each in LET_GO])
def test_whom_it_let_go_of_when_a_router(last: pages.Series, now: pages.Series, expected: set[str]) -> None:
    assert let_go(last, now) == expected
