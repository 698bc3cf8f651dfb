"""What may stand in the address of the results page."""

import pytest

from hoploom.kit.errors import BadRequest
from hoploom.manager.measures import result_filters
from hoploom.manager.measures.result_filters import Filters

SQL = ("' OR 1=1 --", "x'; ATTACH 'a' AS b; --", "PRAGMA journal_mode", "1 UNION SELECT 1", '"; DROP TABLE batches')
MARKUP = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {}),
        ({"campaign": " aws-weekly "}, {"campaign": "aws-weekly"}),
        ({"kind": "trace", "outcome": "reached"}, {"kind": "trace", "outcome": "reached"}),
        ({"worker": "pi:attic.1_x-y"}, {"worker": "pi:attic.1_x-y"}),
        ({"prefix": "198.51.100.7/24"}, {"prefix": "198.51.100.0/24"}),
        ({"prefix": "2001:db8::1"}, {"prefix": "2001:db8::1/128"}),
        ({"since": "2026-11-22T01:30"}, {"since": "1795311000000000"}),
        ({"until": "2026-11-22T01:30:00.5+01:00"}, {"until": "1795307400500000"}),
        ({"since": "1950-01-01"}, {"since": "0"}),
        ({"size": "200"}, {}),
    ],
    ids=["nothing", "blanks around it", "a kind and an outcome", "a name", "host bits", "an address", "a minute in UTC",
         "a moment elsewhere", "before 1970", "the size is no filter"],
)  # fmt: skip
def test_what_outputs_are_asked(query: dict[str, str], expected: dict[str, str]) -> None:
    assert result_filters.asked(result_filters.typed(query)) == expected


@pytest.mark.parametrize("value", [*SQL, MARKUP, "../../x", "a\0b", "\u202eabc", "-1"])
@pytest.mark.parametrize("name", result_filters.NAMES)
def test_no_filter_takes(name: str, value: str) -> None:
    with pytest.raises(BadRequest) as refused:
        result_filters.asked(Filters(**{name: value}))
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("name", ["order", "limit; DROP TABLE", "columns", "Campaign", "x" * 10_000])
def test_no_other_name_is_known(name: str) -> None:
    with pytest.raises(BadRequest, match="there is no filter") as refused:
        result_filters.typed({name: "1"}, ("from",))
    assert len(str(refused.value)) < 200


def test_a_long_value_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(BadRequest, match="longer"):
        result_filters.typed({"prefix": "1" * 10_000})


def test_what_is_typed_stands_in_addresses_again() -> None:
    assert result_filters.typed({"worker": "a b", "from": "x"}, ("from",)).given == {"worker": "a b"}
