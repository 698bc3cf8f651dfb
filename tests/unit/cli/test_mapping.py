"""What a campaign is asked for as, from what a person names."""

import argparse
import os
from pathlib import Path

import pytest

from hoploom.cli import mapping
from hoploom.wire.campaign_request import CampaignRequest


def requested(*words: str) -> CampaignRequest:
    parser = argparse.ArgumentParser()
    mapping.add_arguments(parser)
    return mapping.prepare(parser.parse_args([*words, "--contact", "noc@example.org"])).request


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """A folder of two lists."""
    (tmp_path / "amazon_ipv4.txt").write_text("8.8.8.0/24\n8.8.4.0/24\n")
    (tmp_path / "google_ipv4.txt").write_text("9.9.9.0/24\n")
    return tmp_path


def test_lists_and_blocks_by_hand_are_named_where_blocks_come_from(lists: Path) -> None:
    found = requested(str(lists), "1.1.1.0/24")
    assert found.sources == (("amazon_ipv4", 2), ("google_ipv4", 1), ("1.1.1.0/24", 1))
    assert found.blocks == ("8.8.8.0/24", "8.8.4.0/24", "9.9.9.0/24", "1.1.1.0/24")


def test_blocks_by_hand_alone_need_no_names() -> None:
    assert requested("1.1.1.0/24", "8.8.8.8").sources == ()


def test_a_list_of_which_nothing_is_used_names_nothing(lists: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lists / "broken.txt").write_text("8.8.8.0/99\n")
    assert [name for name, _ in requested(str(lists)).sources] == ["amazon_ipv4", "google_ipv4"]
    assert "broken.txt:1" in capsys.readouterr().err


def test_an_odd_name_of_a_file_is_made_fit(lists: Path) -> None:
    odd = lists / os.fsdecode(b"n\xffw\nline" + b"x" * 200 + b".txt")
    (lists / "google_ipv4.txt").rename(odd)
    (_, _), (name, _) = requested(str(lists)).sources
    assert name.startswith("n?w?line") and len(name) == 100
