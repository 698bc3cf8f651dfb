"""`--slices` as people write it, and how a datacenter that is away is named."""

import pytest

from hoploom.cli.slices import lines, parse
from hoploom.kit.errors import BadRequest, ConfigError


@pytest.mark.parametrize(
    ("text", "parts"), [("", {}), ("dc1=1", {"dc1": 1}), ("dc2=2, dc1=1,", {"dc1": 1, "dc2": 2})]
)
def test_parts_by_datacenter(text: str, parts: dict[str, int]) -> None:
    assert parse(text) == parts


@pytest.mark.parametrize("text", ["dc1", "dc1=", "dc1=x", "dc1=-1", "dc1=1,dc1=2", "=1", "dc1=0", "D=1", "a=\u0661"])
def test_a_slip_is_one_sentence(text: str) -> None:
    with pytest.raises((ConfigError, BadRequest)):
        parse(text)


def test_a_datacenter_that_is_away_is_named_with_the_time_of_what_is_known() -> None:
    said = {"targets": 4, "finished": False, "as_of_us": 0, "away": ""}
    cut = {**said, "away": "no path"}
    campaign = {"campaign": {"id": "demo"}, "groups": {}}
    parts = {"dc1": said, "dc2": {**cut, "as_of_us": 50_520_000_000}, "dc3": cut}
    assert list(lines({**campaign, "datacenters": parts})) == [
        "demo: dc2 is away (as of 14:02 UTC): no path",
        "demo: dc3 is away (of which nothing is known yet): no path",
    ]
    assert list(lines(campaign)) == []
