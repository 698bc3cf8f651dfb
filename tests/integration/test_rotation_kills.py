"""A real output that dies at some step of rotation, again and again; the long run is `python3 tests lab rotation`."""

from pathlib import Path

from lab.rotation_trials import kills


def test_deaths_at_steps_of_rotation_lose_double_and_refuse_nothing(tmp_path: Path) -> None:
    found = kills(tmp_path, 24, seed=1)
    assert found.findings == []
    assert sum(found.deaths.values()) == 24
    assert found.files >= 5 and found.made > 20


def test_the_check_is_red_where_a_closed_file_lacks_a_batch(tmp_path: Path) -> None:
    assert kills(tmp_path, 5, seed=2, fault="incomplete_close").findings
