"""What may be asked of results, and what may not."""

from ipaddress import ip_network
from typing import Any

import pytest

from hoploom.output_service.queries import FEED_PARAMETERS, PAGE_PARAMETERS, Query, Refused, parsed

GOOD: dict[str, tuple[dict[str, list[str]], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "a campaign": ({"campaign": ["first-map"]}, {"campaign": "first-map"}),
    "an IPv4 prefix": ({"prefix": ["198.51.100.0/24"]}, {"prefix": ip_network("198.51.100.0/24")}),
    "an IPv6 prefix": ({"prefix": ["2001:db8::/32"]}, {"prefix": ip_network("2001:db8::/32")}),
    "an address": ({"prefix": ["10.0.0.1"]}, {"prefix": ip_network("10.0.0.1/32")}),
    "times": ({"since": ["0"], "until": ["1700000000000000"]}, {"since_us": 0, "until_us": 1_700_000_000_000_000}),
    "a kind": ({"kind": ["trace"]}, {"kind": "trace"}),
    "a worker": ({"worker": ["pi-7"]}, {"worker": "pi-7"}),
    "an outcome of pings": ({"outcome": ["lost"]}, {"outcome": "lost"}),
    "an outcome of traceroutes": ({"outcome": ["reached"]}, {"outcome": "reached"}),
    "the largest page": ({"limit": ["1000"]}, {"limit": 1000}),
    "no wait": ({"wait": ["0"]}, {"wait_s": 0}),
    "the longest wait": ({"wait": ["55"]}, {"wait_s": 55}),
    "a cursor": ({"cursor": ["now"]}, {"cursor": "now"}),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_query_may_have(case: str) -> None:
    given, expected = GOOD[case]
    assert parsed(given, FEED_PARAMETERS) == Query(**expected)


SQL = "' OR 1=1; DROP TABLE batches --"
BAD = {
    "SQL as a campaign": ("campaign", SQL), "SQL as a kind": ("kind", SQL), "SQL as a prefix": ("prefix", SQL),
    "SQL as a limit": ("limit", SQL), "SQL as a time": ("since", SQL), "SQL as an end": ("until", SQL),
    "SQL as a worker": ("worker", SQL), "SQL as an outcome": ("outcome", SQL), "markup": ("worker", "<script>"),
    "a path as a campaign": ("campaign", "../../etc/passwd"), "a path as a kind": ("kind", "../ping"),
    "NaN": ("since", "NaN"), "an infinity": ("until", "inf"), "a fraction": ("limit", "1.5"), "a sign": ("limit", "-1"),
    "a plus": ("since", "+1"), "an exponent": ("since", "1e9"), "digits of other scripts": ("limit", "\u0661\u0660"),
    "an underscore": ("limit", "1_0"), "a huge number": ("since", "9" * 19), "a longer one": ("since", "9" * 10**5),
    "a page of nothing": ("limit", "0"), "a page too large": ("limit", "1001"), "a wait too long": ("wait", "56"),
    "a prefix with host bits": ("prefix", "198.51.100.7/24"), "a prefix too long": ("prefix", "10.0.0.0/33"),
    "a zone": ("prefix", "fe80::1%eth0/64"), "a mask with holes": ("prefix", "10.0.0.0/255.0.255.0"),
    "a name": ("prefix", "a.b"),
    "a line end": ("campaign", "first-map\n"), "a zero byte": ("campaign", "a\0b"), "no number": ("wait", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_query_may_not_have(case: str) -> None:
    name, value = BAD[case]
    with pytest.raises(Refused) as error:
        parsed({name: [value]}, FEED_PARAMETERS)
    assert error.value.parameter == name and len(str(error.value)) < 150


@pytest.mark.parametrize(("given", "parameter", "reason"), [
    ({"Campaign": ["first-map"]}, "other", "no parameter 'Campaign'; there are campaign, prefix"),
    ({"x" * 10**5: ["1"]}, "other", "no parameter 'xxx"),
    ({"limit": ["1", "2"]}, "limit", "limit is given 2 times"),
    ({"wait": ["1"]}, "other", "no parameter 'wait'"),
    ({"form": ["csv; PRAGMA journal_mode"]}, "form", "form is csv or atlas"),
    ({"order": ["seq; ATTACH 'x' AS y"]}, "other", "no parameter 'order'"),
    ({"columns": ["*"]}, "other", "no parameter 'columns'"),
])  # fmt: skip
def test_other_parameters_are_refused(given: dict[str, list[str]], parameter: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason) as error:
        parsed(given, PAGE_PARAMETERS)
    assert error.value.parameter == parameter and len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("outcome", "kind", "expected"),
    [("", "ping", None), ("lost", "ping", 1), ("lost", "trace", -1), ("reached", "ping", -1), ("reached", "trace", 0)],
    ids=["all", "a ping's", "a ping's, asked of traceroutes", "a traceroute's, asked of pings", "a traceroute's"],
)
def test_an_outcome_is_a_number_of_its_kind(outcome: str, kind: str, expected: int | None) -> None:
    assert Query(outcome=outcome).outcome_of(kind) == expected
