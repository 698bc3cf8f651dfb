"""What operators tell workers."""

from typing import Any

import pytest

from hoploom.kit.errors import BadRequest
from hoploom.wire.commands import Commands, key

GOOD = {"v": 1, "run": 3, "settings": {"rate_pps": 50}}


def test_commands_are_read_as_they_were_written() -> None:
    assert Commands.from_json(GOOD) == Commands(run=3, rate_pps=50)
    assert Commands.from_json(GOOD).to_json() == GOOD
    assert Commands.from_json({"v": 1, "run": 0, "settings": {}}) == Commands()
    assert key("pi-1") == "hoploom/orders/pi-1"


@pytest.mark.parametrize(
    "changes", [{"v": 2}, {"run": -1}, {"run": "3"}, {"settings": {"rate_pps": -1}}, {"settings": 1}]
)
def test_others_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        Commands.from_json({**GOOD, **changes})
