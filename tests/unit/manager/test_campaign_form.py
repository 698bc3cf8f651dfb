"""A form of a campaign: what it comes to, and a sentence beside whatever will not do."""

from collections.abc import Mapping

import pytest

from hoploom.manager import campaign_form
from hoploom.manager.campaign_form import DEFAULTS, Read, in_words, read, with_lists
from hoploom.wire.fields import CAMPAIGN_ID
from hoploom.wire.probe import Probe

LONG_NAME = "\u05d0" * 200


def typed(**fields: str) -> dict[str, str]:
    return {**DEFAULTS, "blocks": "127.0.0.1", **fields}


def good(key: str = "k", **fields: str) -> Read:
    found = read(typed(**fields), key)
    assert found.request is not None, found.errors
    return found


def test_one_address_is_a_campaign() -> None:
    request = good(own="yes").request
    assert request and (request.blocks, request.allow_private, request.rate_pps) == (("127.0.0.1",), True, None)
    assert (request.probe, request.rounds, request.name) == (Probe(), 1, "")


def test_every_field_finds_its_place() -> None:
    request = good(
        name=" Weekly ", blocks="8.8.8.0/24 # theirs\n\n8.8.4.0/24", excludes="8.8.8.0/25", per_prefix="24:1, 48:1",
        contact="noc@example.org", kind="trace-udp", count="2", max_ttl="20", rate_pps="1,000", network_pps="5",
        max_targets="10 000", rounds="0", cooldown_minutes="60", cooldown_scope="mesh", slices="dc1=1, dc2=2",
        apart="yes",
    ).request  # fmt: skip
    assert request and (request.name, request.blocks, request.excludes) == (
        "Weekly", ("8.8.8.0/24", "8.8.4.0/24"), ("8.8.8.0/25",)
    )  # fmt: skip
    assert (request.probe.protocol, request.probe.count, request.probe.max_ttl) == ("udp", 2, 20)
    assert (request.rate_pps, request.network_pps, request.max_targets, request.rounds) == (1000, 5, 10_000, 0)
    assert (request.cooldown_minutes, request.cooldown_scope, request.apart) == (60, "mesh", True)
    assert (request.per_prefix, request.slices, request.allow_private) == ("24:1,48:1", {"dc1": 1, "dc2": 2}, False)


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"blocks": ""}, "blocks", "at least one block"),
        ({"blocks": "# nothing"}, "blocks", "at least one block"),
        ({"blocks": "::1\nnonsense"}, "blocks", "Line 2: "),
        ({"blocks": "127.0.0.1/8"}, "blocks", "Line 1: "),
        ({"blocks": "x\n" * 30}, "blocks", "And 10 more lines."),
        ({"excludes": "x"}, "excludes", "Line 1: "),
        ({"rate_pps": "fast"}, "rate_pps", "a whole number, such as 100, not 'fast'"),
        ({"rate_pps": "-1"}, "rate_pps", "a whole number"),
        ({"rate_pps": "9" * 12}, "rate_pps", "has to be 0 to"),
        ({"rate_pps": "9" * 5000}, "rate_pps", "a whole number"),
        ({"rounds": "\u0661"}, "rounds", "a whole number"),
        ({"count": "17"}, "count", "has to be 1 to 16"),
        ({"cooldown_scope": "all"}, "cooldown_scope", "match"),
        ({"slices": "dc1"}, "slices", "it is like dc1=1,dc2=2"),
        ({"name": "a\x07"}, "name", "match"),
        ({"name": "x" * 201}, "name", "200 characters"),
        ({"kind": "trace-tcp"}, "", "icmp|udp"),
    ],
)  # fmt: skip
def test_what_will_not_do_is_said_beside_its_field(fields: Mapping[str, str], field: str, said: str) -> None:
    found = read(typed(**fields), "k")
    assert found.request is None and set(found.errors) == {field}
    assert said in " ".join(found.errors[field])


def test_all_slips_are_said_at_once() -> None:
    assert set(read(typed(blocks="x", rate_pps="y", slices="z"), "k").errors) == {"blocks", "rate_pps", "slices"}


@pytest.mark.parametrize("name", ["", "Weekly scan, EU!", LONG_NAME, "-" * 200, "x" * 200])
def test_whatever_its_name_a_campaign_has_an_id(name: str) -> None:
    request = good(name=name).request
    assert request and CAMPAIGN_ID.fullmatch(request.id) and request.name == name


def test_the_same_form_sent_twice_is_the_same_campaign_and_nothing_else_is() -> None:
    first, again = good(name="a"), good(name="a")
    assert first == again and first.digest
    others = [good(name="b"), good(name="a", rate_pps="1"), good("other", name="a")]
    assert len({each.digest for each in (first, *others)}) == 4


def test_uploaded_lists_stand_below_what_was_typed_and_their_names_are_no_lines() -> None:
    text = with_lists("::1", [("a\n10.0.0.0/8\n.txt", "127.0.0.1\n"), ("b", "127.0.0.2")])
    assert text == "::1\n# from a10.0.0.0/8.txt\n127.0.0.1\n# from b\n127.0.0.2"
    assert with_lists(" \n", []) == ""


def test_blocks_know_the_list_that_they_came_from() -> None:
    text = with_lists("::1\n::2", [("cloud.v4.txt", "127.0.0.1 # one\n\n127.0.0.2"), ("empty.txt", "#"), ("b", "::3")])
    request = good(blocks=text).request
    assert request and request.sources == (("typed", 2), ("cloud.v4", 2), ("b", 1))
    assert campaign_form.sources("::1\n# a comment\n::2") == []
    assert campaign_form.sources("# from .txt\n::1\n# from \n::2") == [[".txt", 1], ["list", 1]]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("loopback addresses need the campaign's own key: --allow-private", "tick “My own networks”"),
        ("only loopback may be probed without a limit: give --rate", "without a limit: give a rate"),
        ("sample them (--per-prefix 24:1,48:1), or raise --max-targets", "(sampling 24:1,48:1), or raise “Targets"),
    ],
)
def test_nobody_at_a_form_is_told_of_flags(reason: str, said: str) -> None:
    assert said in in_words(reason) and "--" not in in_words(reason)


def test_every_field_has_a_text_to_begin_with() -> None:
    assert set(campaign_form.BOXES) < set(DEFAULTS) and all(isinstance(each, str) for each in DEFAULTS.values())
