"""Which of the wider tests run at the same time."""

from pathlib import Path

import pytest

from runner import wider

PARTS = ("first", "second", "third", "alone")
WIDER = Path(__file__).resolve().parents[2] / "integration"


def named(part: str) -> list[str]:
    (one, two, three), (last,) = wider.parts(WIDER, [])
    return [Path(each).name for each in {"first": one, "second": two, "third": three, "alone": last}[part].words]


def test_every_module_is_in_one_part() -> None:
    every = sorted(each for part in PARTS for each in named(part))
    assert every == sorted(each.name for each in WIDER.glob("test_*.py"))


@pytest.mark.parametrize(
    ("module", "part"),
    [
        ("test_hosts_site.py", "first"), ("test_push.py", "second"), ("test_mesh.py", "alone"),
        ("test_kills.py", "alone"), ("test_trace.py", "alone"), ("test_gate.py", "third"),
        ("test_gateway.py", "second"),
    ],
    ids=[
        "the lab's hosts", "waits for others", "rolls under load", "kills", "claims about time",
        "named by a list", "not quite",
    ],
)
def test_a_module_runs_where_it_harms_nobody(module: str, part: str) -> None:
    assert module in named(part)


def test_the_lab_of_hosts_is_asked_by_one_part_alone() -> None:
    others = [each for part in PARTS[1:] for each in named(part)]
    assert not [each for each in others if "lab.hosts" in (WIDER / each).read_text("utf-8")]
