"""Tables that have lost routes, and those that have let go of what Consul let go of."""

from collections.abc import Sequence

import pytest

from hoploom.manager.auditing import sizes
from hoploom.manager.auditing.sizes import WINDOW_S, Shrink, Size


def history(*pairs: tuple[int, int]) -> tuple[Size, ...]:
    found: tuple[Size, ...] = ()
    for number, (routes, wanted) in enumerate(pairs):
        found = sizes.remembered(found, Size(10.0 * number, routes, wanted))
    return found


CASES: Sequence[tuple[str, tuple[Size, ...], Shrink | None]] = (
    ("nothing was read", (), None),
    ("it is what it was", history((20, 20), (20, 20), (20, 20)), None),
    ("a quarter is lost, and Consul has it", history((20, 20), (15, 20), (15, 20)), Shrink(15, 20, grave=False)),
    ("more than half is lost", history((20, 20), (9, 20), (9, 20)), Shrink(9, 20, grave=True)),
    ("a fifth is no more than may be", history((20, 20), (16, 20), (16, 20)), None),
    ("one look says so", history((20, 20), (20, 20), (5, 20)), None),
    ("it was so for a moment", history((20, 20), (5, 20), (20, 20)), None),
    ("a deployment doubled both", history((20, 20), (40, 40), (20, 20), (20, 20)), None),
    ("Consul lost a half, and the table all", history((20, 20), (2, 10), (2, 10)), Shrink(2, 20, grave=True)),
    ("of five routes one is a finding", history((4, 4), (3, 4), (3, 4)), None),
    ("Consul asks for more by now", history((20, 20), (12, 30), (12, 30)), Shrink(12, 20, grave=False)),
    ("overrides alone made the table", history((20, 0), (20, 0), (20, 0)), None),
    ("everything is lost", history((20, 20), (0, 20), (0, 20)), Shrink(0, 20, grave=True)),
)


@pytest.mark.parametrize(("what", "known", "lost"), CASES, ids=[each[0] for each in CASES])
def test_a_table(what: str, known: tuple[Size, ...], lost: Shrink | None) -> None:
    assert sizes.shrink(known) == lost, what


def test_what_was_lost_long_ago_is_what_there_is() -> None:
    known = history((20, 20), (10, 20), (10, 20))
    late = sizes.remembered(known, Size(WINDOW_S + 15, 10, 20))
    assert sizes.shrink(known) and sizes.shrink(late) is None and len(late) == 2
    top = sizes.most(known)
    assert top and top.routes == 20 and sizes.most(()) is None
