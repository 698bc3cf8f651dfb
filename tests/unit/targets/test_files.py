"""Lists of blocks on disk: read whole, or not at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.kit.errors import ConfigError
from hoploom.targets import files
from hoploom.targets.files import MAX_REPORTED_LINES, parse_argument, parse_list, read_file, read_folder

GOOD = "# a list\n\n10.0.0.0/8   # trailing comment\r\n  2001:db8::/32\n192.0.2.1"


def listed(source: files.Source) -> list[str]:
    return [str(block) for block in source.blocks]


def test_comments_blank_lines_spaces_and_both_families_are_read() -> None:
    assert listed(parse_list("x", GOOD)) == ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("10.0.0.1/8", "'10.0.0.1/8': host bits are set; write 10.0.0.0/8 for the block"),
        ("10.0.0.0/33", "'10.0.0.0/33': the prefix length is over 32"),
        ("010.0.0.0/8", "'010.0.0.0/8': leading zeros, which some read as octal"),
        ("fe80::1%1", "'fe80::1%1': a zone id names an interface of one machine, leave it out"),
        ("10.0.0.0/8 10.0.0.0/8", "'10.0.0.0/8 10.0.0.0/8': after the slash comes a prefix length, a number without"),
        ("nonsense", "'nonsense' is not an IP address or CIDR block"),
        ("\x00", "'\\x00' is not an IP address or CIDR block"),
    ],
)
def test_a_bad_line_is_reported_with_file_line_and_reason_and_nothing_of_the_file_is_used(
    line: str, reason: str
) -> None:
    source = parse_list("some.txt", f"10.0.0.0/8\n# comment\n{line}\n")
    assert source.blocks == () and source.bad_count == 1
    assert source.report().startswith(f"some.txt:3: {reason}")
    assert source.report().endswith("Nothing of some.txt is used.")


def test_all_bad_lines_come_in_one_report_that_ends() -> None:
    source = parse_list("x", "bad\n" * 100)
    lines = source.report().splitlines()
    assert len(lines) == MAX_REPORTED_LINES + 2 and "and 80 more" in lines[-2]
    assert lines[19].startswith("x:20: ")


def test_a_good_file_has_no_report() -> None:
    assert parse_list("x", GOOD).report() == ""


@pytest.mark.parametrize(
    ("data", "bad_lines"),
    [(b"\xef\xbb\xbf10.0.0.0/8\n", 0), (b"# caf\xe9\n10.0.0.0/8", 0), ("10.0.0.0/8\n".encode("utf-16"), 2), (b"", 0)],
    ids=["a byte order mark", "another encoding in a comment", "UTF-16", "an empty file"],
)
def test_encodings_other_than_utf8_are_bad_lines_unless_in_comments(
    tmp_path: Path, data: bytes, bad_lines: int
) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(data)
    assert read_file(path).bad_count == bad_lines


def test_a_block_by_hand_is_marked_so_and_a_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.write_text("10.0.0.0/8\n", encoding="utf-8")
    by_hand, from_file = parse_argument("10.0.0.0/8").sources[0], parse_argument(str(path)).sources[0]
    assert by_hand.by_hand and not from_file.by_hand and by_hand.blocks == from_file.blocks


def test_a_folder_is_read_in_order_and_says_what_it_did_not_read(tmp_path: Path) -> None:
    for name in ("b.txt", "a.CIDR", "README.md", ".hidden.txt"):
        (tmp_path / name).write_text("10.0.0.0/8\n", encoding="utf-8")
    (tmp_path / "deeper.txt").mkdir()
    reading = parse_argument(str(tmp_path))
    assert [Path(source.name).name for source in reading.sources] == ["a.CIDR", "b.txt"]
    assert [Path(name).name for name in reading.not_read] == ["README.md"]


def test_one_bad_file_of_a_folder_leaves_the_others_usable(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("10.0.0.0/8\nx\n", encoding="utf-8")
    (tmp_path / "good.txt").write_text("10.0.0.0/8\n", encoding="utf-8")
    assert [len(source.blocks) for source in read_folder(tmp_path).sources] == [0, 1]


@pytest.mark.parametrize("text", ["1.2.3.4/33", "no/such/file.txt", "nul\x00byte", "x" * 5000, ""])
def test_an_argument_that_is_nothing_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "x.txt").write_text("10.0.0.0/8\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as refused:
        parse_argument(text)
    assert len(str(refused.value)) < 250 and str(refused.value).isprintable()


def test_a_folder_without_lists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no list"):
        read_folder(tmp_path)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read"):
        read_file(tmp_path / "missing.txt")
    with pytest.raises(ConfigError, match="Cannot read"):
        read_folder(tmp_path / "missing")


def test_too_large_a_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 8)
    path = tmp_path / "x.txt"
    path.write_text("10.0.0.0/8\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="over the limit"):
        read_file(path)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    source = parse_list("x", text)
    assert not (source.blocks and source.bad_count)
