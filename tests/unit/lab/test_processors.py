"""How busy processors are, by what the kernel counts."""

from pathlib import Path

from lab.processors import Spent, busy, spent

# user nice system idle iowait irq softirq steal guest guest_nice
STAT = "cpu  100 10 40 800 50 0 20 30 60 0\ncpu0 50 5 20 400 25 0 10 15 30 0\n"


def test_waiting_for_a_disk_is_idle_and_a_guest_is_counted_once(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text(STAT, encoding="ascii")
    assert spent(stat) == Spent(used=200, all=1050)


def test_the_part_is_of_the_time_between() -> None:
    assert busy(Spent(200, 1000), Spent(250, 1200)) == 0.25
    assert busy(Spent(200, 1000), Spent(200, 1000)) == 0.0


def test_this_machine_has_spent_something() -> None:
    found = spent()
    assert 0 < found.used < found.all
