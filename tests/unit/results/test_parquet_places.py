"""Names of folders and files of a Parquet set."""

from __future__ import annotations

import pytest

from hoploom.results.parquet_places import Span, joined, partition, span


def test_a_name_says_which_rows_a_file_holds() -> None:
    assert Span(7, 1_000_000, 3).name == "rows-000000000000007-000000001000000-g3.parquet"
    assert span(Span(7, 1_000_000, 3).name) == Span(7, 1_000_000, 3)


@pytest.mark.parametrize("name", ["", "rows-1-2-g0.parquet", "rows-000000000000001-000000000000002-g0.parquet.new"])
def test_other_names_say_nothing(name: str) -> None:
    assert span(name) is None


def test_a_joined_file_has_a_name_that_none_of_its_parts_had() -> None:
    parts = [Span(0, 10, 1), Span(10, 20), Span(20, 30)]
    whole = joined(parts)
    assert whole == Span(0, 30, 2)
    assert joined([whole, Span(30, 40)]).name not in {each.name for each in (*parts, whole)}


@pytest.mark.parametrize(
    ("campaign", "folder"),
    [
        ("clouds", "campaign=clouds"),
        ("../../etc", "campaign=..%2F..%2Fetc"),
        ("a=b c", "campaign=a%3Db%20c"),
        ("*?[x]", "campaign=%2A%3F%5Bx%5D"),
    ],
)
def test_a_campaign_is_one_folder_whatever_it_is_called(campaign: str, folder: str) -> None:
    assert partition("traceroutes", campaign, "2026-11-21").parts == ("traceroutes", folder, "day=2026-11-21")


@pytest.mark.parametrize("day", ["", "..", "2026-11-21/..", "today"])
def test_what_is_no_day_is_no_folder(day: str) -> None:
    with pytest.raises(ValueError, match="is no day"):
        partition("traceroutes", "clouds", day)
