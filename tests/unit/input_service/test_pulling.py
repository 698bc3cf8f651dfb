"""What is taken over from another datacenter: its own campaigns, in their newest edition, and never an older one."""

from dataclasses import replace

import pytest

from hoploom.input_service.pulling import Pull, pieces, plan
from hoploom.wire.campaign import Campaign, FamilySet
from hoploom.wire.probe import Probe

THEIRS = Campaign(
    id="demo",
    number=2_000_000_000,
    measurement=2_000_000_001,
    name="demo",
    sets={4: FamilySet(sha256="ab" * 32, size=4096), 6: FamilySet(sha256="cd" * 32, size=1)},
    rate_pps=100,
    allow_private=True,
    contact="",
    probe=Probe(),
    content_sha256="ef" * 32,
    created_at_us=1,
    home_dc="dc1",
)
NEWER = replace(THEIRS, edition=2)
LEGACY = replace(THEIRS, home_dc="")
OURS = replace(THEIRS, home_dc="dc2")
STOPPED = replace(THEIRS, stopped_us=1, stopped_by="anna")
CHUNK = replace(THEIRS, id="hops-1", parent="demo")


@pytest.mark.parametrize(
    ("theirs", "ours", "pull"),
    [
        ([THEIRS], [], Pull((THEIRS,))),
        ([THEIRS], [THEIRS], Pull()),
        ([NEWER], [THEIRS], Pull((NEWER,))),
        ([THEIRS], [NEWER], Pull()),
        ([LEGACY], [], Pull((THEIRS,))),
        ([OURS], [], Pull()),
        ([CHUNK], [], Pull()),
        ([NEWER], [OURS], Pull((), ("demo",))),
        ([NEWER], [LEGACY], Pull((), ("demo",))),
        ([], [THEIRS], Pull()),
        ([STOPPED], [THEIRS], Pull((STOPPED,))),
        ([STOPPED], [STOPPED], Pull()),
        ([THEIRS], [STOPPED], Pull()),
        ([NEWER], [STOPPED], Pull((NEWER,))),
    ],
    ids=["a new one", "a known one", "a new edition", "an old edition", "one of before there were datacenters",
         "what they have pulled from here", "targets of hops", "an id that is ours", "an id that was always ours",
         "one that is gone there", "a stop", "a known stop", "an older copy without the stop",
         "one that began anew"],
)
def test_what_is_taken_over(theirs: list[Campaign], ours: list[Campaign], pull: Pull) -> None:
    assert plan("dc1", theirs, {each.id: each for each in ours}) == pull


def test_the_sets_of_a_campaign_are_its_families_and_what_it_leaves_out() -> None:
    assert pieces(THEIRS) == ("ab" * 32, "cd" * 32)
    assert pieces(replace(THEIRS, excludes="00" * 32)) == ("00" * 32, "ab" * 32, "cd" * 32)
    assert pieces(replace(THEIRS, networks="11" * 32)) == ("11" * 32, "ab" * 32, "cd" * 32)
