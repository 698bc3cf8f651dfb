"""Exactly-once accounting: good ledgers pass, each class of error is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check_ledger import Account, Row, account

ONE, TWO = Row("1", "x"), Row("2", "y")


@pytest.mark.parametrize(
    ("issued", "acked", "merged", "wanted"),
    [
        ([ONE, TWO], [ONE, TWO], [TWO, ONE], Account()),
        ([ONE, TWO], [ONE], [ONE, TWO], Account()),
        ([ONE, TWO], [ONE, TWO], [ONE], Account(lost=("2",), missing=("2",))),
        ([ONE, TWO], [ONE], [ONE], Account(missing=("2",))),
        ([ONE], [ONE], [ONE, ONE], Account(duplicate=("1",))),
        # A target that was probed twice has two rows.
        ([ONE, ONE], [ONE], [ONE, ONE], Account()),
        ([ONE], [ONE], [ONE, TWO], Account(phantom=("2",))),
        ([ONE], [ONE], [Row("1", "z")], Account(altered=("1",))),
    ],
)
def test_each_class_is_told(issued: list[Row], acked: list[Row], merged: list[Row], wanted: Account) -> None:
    assert account(issued, acked, merged) == wanted


def test_missing_rows_are_wrong_only_after_the_drain() -> None:
    found = account([ONE], [], [])
    assert found.findings(drained=False) == []
    assert [each.words for each in found.findings(drained=True)] == ["1 missing, such as 1"]


@given(st.sets(st.integers(0, 50), min_size=1), st.data())
def test_one_row_more_or_less_is_always_found(ids: set[int], data: st.DataObject) -> None:
    rows = [Row(str(each)) for each in sorted(ids)]
    assert account(rows, rows, rows).findings(drained=True) == []
    victim = data.draw(st.sampled_from(rows))
    assert account(rows, rows, [row for row in rows if row != victim]).lost == (victim.id,)
    assert account(rows, rows, [*rows, victim]).duplicate == (victim.id,)
