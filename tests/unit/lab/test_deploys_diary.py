"""What is written down of what was done and seen."""

import time
from pathlib import Path

from lab.deploys_diary import Diary, Happened, changes, played
from waiting import until

LOG = """\
2026-11-22 08:59:05,737 p=5699 u=root n=ansible INFO| PLAY [Servers that follow] ***************
2026-11-22 08:59:05,849 p=5699 u=root n=ansible INFO| TASK [consul : The program] **************
2026-11-22 08:59:06,250 p=5699 u=root n=ansible INFO| changed: [a2]
2026-11-22 08:59:07,000 p=5699 u=root n=ansible INFO| TASK [fabio : The unit] ******************
2026-11-22 08:59:07,100 p=5699 u=root n=ansible INFO| ok: [a2]
what a warning says in a second line
2026-11-22 08:59:08,500 p=5699 u=root n=ansible INFO| changed: [a3 -> a1]
"""


def test_a_log_of_ansible_says_which_host_was_changed_when_and_by_which_task(tmp_path: Path) -> None:
    log = tmp_path / "ansible.log"
    log.write_text(LOG, encoding="utf-8")
    first_s = time.mktime((2026, 11, 22, 8, 59, 6, 0, 0, -1)) + 0.25
    assert list(played(log)) == [
        Happened(first_s, "a2: consul : The program"),
        Happened(first_s + 2.25, "a3 -> a1: fabio : The unit"),
    ]


def test_where_no_playbook_ran_nothing_was_played(tmp_path: Path) -> None:
    assert list(played(tmp_path / "ansible.log")) == []


def test_what_comes_goes_and_changes_is_a_line_each() -> None:
    assert list(changes({"a": "passing", "b": "passing", "c": "x"}, {"b": "critical", "c": "x", "d": "passing"})) == [
        "a: gone", "b: critical", "d: passing",
    ]  # fmt: skip


def test_a_change_is_written_down_while_somebody_watches_and_nobody_answering_is_one() -> None:
    diary, looks = Diary(), iter([{"orders-1": "passing"}, {"orders-1": "critical"}])

    def look() -> dict[str, str]:
        try:
            return next(looks)
        except StopIteration:
            raise ConnectionRefusedError("refused") from None

    with diary.watching(look):
        until("three lines", lambda: len(diary.between(0, float("inf"))) == 3, 10)
    words = [each.words for each in diary.between(0, float("inf"))]
    assert words == ["orders-1: critical", "looking: nobody answers (refused)", "orders-1: gone"]


def test_what_is_told_lies_between_two_moments_in_their_order() -> None:
    diary = Diary()
    for at_s in (30.0, 10.0, 20.0):
        diary.note(f"at {at_s:g}", at_s)
    assert [each.words for each in diary.between(10.0, 30.0)] == ["at 10", "at 20"]
