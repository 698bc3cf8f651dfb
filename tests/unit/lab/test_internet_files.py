"""Topologies out of TOML: what is generated, and what is refused with its name."""

from pathlib import Path

import numpy as np
import pytest

from lab.internet.declared import DeclarationError
from lab.internet.files import declaration, topology
from lab.internet.truth import Truth

FOLDER = Path(__file__).resolve().parents[2] / "data" / "topologies"
SMALL = "[generated]\nseed = {seed}\nprefixes = 2000\n"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_file_is_a_topology(path: Path) -> None:
    assert Truth(topology(path.read_text(encoding="utf-8"))).links


def test_a_seed_gives_the_same_internet_for_ever_and_another_one_another() -> None:
    one, same, other = (declaration(SMALL.format(seed=seed)) for seed in (1, 1, 2))
    assert one == same and one != other


def test_a_generated_internet_looks_like_one() -> None:
    internet = topology(SMALL.format(seed=1))
    ways = internet.ways
    assert len(ways.first) == 2000 and (np.diff(ways.first.astype(np.int64)) == 256).all()
    distance = ways.length + 1
    assert 8 <= distance.min() and distance.max() <= 22 and 13 < distance.mean() < 16
    used = np.unique(ways.step[ways.step >= 0])
    # The first routers are on all ways, most others on few.
    passed = np.bincount(ways.step[ways.step >= 0], minlength=len(internet.steps.width))[used]
    assert 3 <= (passed == 2000).sum() < 8 and np.median(passed) < 10
    assert (internet.steps.width[used] > 1).any() and internet.interfaces.is_silent.any()
    assert np.isfinite(internet.interfaces.errors_per_s).any()
    assert (ways.unreachable_type == 3).any() and (ways.unreachable_type == -1).any()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "this is no TOML"),
        ("[routers]", "there is no table routers"),
        ('[interfaces]\na = { address = "198.18.0.1", colour = 1 }', "interface a has an unknown colour"),
        ("[interfaces]\na = { delay_ms = 1 }", "interface a lacks something"),
        ('[interfaces]\na = { address = "198.18.0.1", quote = "half" }', "the quote of a is one of whole"),
        ('[interfaces]\na = { address = "198.18.0.1" }\nb = { address = "198.18.0.1" }', "have the same address"),
        ('[[prefixes]]\nprefix = "198.18.1.0/24"\npath = ["a"]', "has an unknown a"),
        ('[[prefixes]]\nprefix = "2001:db8::/80"\npath = []', "2001:db8::/80 is longer than 64 bits"),
        ('[[prefixes]]\nprefix = "198.18.1.0/24"\npath = []', "the way to 198.18.1.0/24 has 1 to 63 hops"),
        (
            '[[prefixes]]\nprefix = "198.18.0.0/23"\npath = []\n[[prefixes]]\nprefix = "198.18.1.0/24"\npath = []',
            "198.18.0.0/23 and 198.18.1.0/24 overlap",
        ),
        (
            '[[prefixes]]\nprefix = "198.18.1.0/24"\npath = []\nunreachable = { code = 1, by = "me" }',
            "the sender of the unreachables of prefix 198.18.1.0/24 is one of router, host, not me",
        ),
        ('[interfaces]\na = { address = "198.18.0.1" }\n[balancers]\na = { branches = [["a"]] }', "both"),
        ('[interfaces]\na = { address = "198.18.0.1" }\n[balancers]\nb = { branches = [["a"], []] }', "different"),
        ('[balancers]\nb = { branches = [["a"]] }', "there is no interface a"),
        ('[balancers]\nb = { branches = [], by = "mood" }', "what b balances by is one of flow, packet"),
        ("[generated]\nprefixes = 3", "generated lacks something"),
    ],
)
def test_what_cannot_be_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        topology(text)
