"""Which of the wider tests run at the same time."""

from pathlib import Path

import pytest

from runner import wider

WIDER = Path(__file__).resolve().parents[2] / "integration"


def named(part: str) -> list[str]:
    (one, two), (last,) = wider.parts(WIDER, [])
    return [Path(each).name for each in {"first": one, "second": two, "alone": last}[part].words]


def test_every_module_is_in_one_part() -> None:
    every = sorted(named("first") + named("second") + named("alone"))
    assert every == sorted(each.name for each in WIDER.glob("test_*.py"))


@pytest.mark.parametrize(
    ("module", "part"),
    [
        ("test_hosts_site.py", "first"), ("test_push.py", "second"), ("test_mesh.py", "alone"),
        ("test_kills.py", "alone"), ("test_trace.py", "alone"),
    ],
    ids=["the lab's hosts", "waits for others", "rolls under load", "kills", "claims about time"],
)
def test_a_module_runs_where_it_harms_nobody(module: str, part: str) -> None:
    assert module in named(part)


def test_the_lab_of_hosts_is_asked_by_one_part_alone() -> None:
    assert not [each for each in named("second") + named("alone") if "lab.hosts" in (WIDER / each).read_text("utf-8")]
