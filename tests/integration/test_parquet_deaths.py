"""Whoever dies while Parquet files are written; and readers meanwhile."""

from pathlib import Path

from lab.parquet_deaths import deaths


def test_a_death_before_any_step_loses_no_row_and_shows_none_twice(tmp_path: Path) -> None:
    found = deaths(tmp_path)
    assert [death for death in found if death.finding] == []
    assert {death.before for death in found} >= {"_write", "fsync", "rename", "mkdir", "_rename_exchange", "unlink"}


def test_the_check_is_red_where_old_files_go_after_the_new_one_came(tmp_path: Path) -> None:
    assert any("a reader finds" in death.finding for death in deaths(tmp_path, "old files go late"))
