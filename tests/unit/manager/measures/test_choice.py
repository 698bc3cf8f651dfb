"""What is made of the cells of a window is made once, until something changes."""

from dataclasses import replace

import pytest

from hoploom.manager.measures.choice import Kept
from hoploom.manager.measures.gathering import Gathered, Picture
from hoploom.manager.measures.windows import Window
from hoploom.wire.cell_table import CellTable
from unit.manager.measures.measured import cell, cells_of

GATHERED = Gathered(Picture(cells_of([cell("a", "x", 0, [10_000])])), version=1)
WINDOW = Window("1 hour", 0, 3600, 300, 300)


@pytest.mark.parametrize(
    ("gathered", "window", "wishes", "made"),
    [
        pytest.param(GATHERED, WINDOW, {"worker": "a", "network": ""}, 1, id="the same is kept"),
        pytest.param(GATHERED, WINDOW, {"network": "", "worker": "a"}, 1, id="in whatever order it is wished"),
        pytest.param(GATHERED, WINDOW, {"worker": "", "network": "a"}, 2, id="another wish is another thing"),
        pytest.param(GATHERED, WINDOW._replace(step_s=600), {"worker": "a", "network": ""}, 2, id="another window too"),
        pytest.param(replace(GATHERED, version=2), WINDOW, {"worker": "a", "network": ""}, 2, id="and what changed"),
    ],
)
async def test_is_made_anew(gathered: Gathered, window: Window, wishes: dict[str, str], made: int) -> None:
    seen = list[str]()

    def make(table: CellTable, window: Window, *, worker: str, network: str) -> str:
        seen.append(f"{window.step_s}/{worker}/{network}")
        return seen[-1]

    kept = Kept(make)
    await kept.of(GATHERED, WINDOW, worker="a", network="")
    found = await kept.of(gathered, window, **wishes)
    assert (len(seen), found) == (made, f"{window.step_s}/{wishes['worker']}/{wishes['network']}")
