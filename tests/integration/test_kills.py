"""A short campaign of kills on the real thing; the long one is `python3 tests lab kills`.

Workers live here: what a dead one held is handed out again only after 35 s, and there every target is probed once.
"""

from pathlib import Path

from lab.kills import CONSUL, SERVICES, Plan, campaign


def test_twenty_kills_of_inputs_outputs_and_consul_lose_nothing_and_probe_nothing_twice(tmp_path: Path) -> None:
    found = campaign(tmp_path, Plan(kills=20, targets=50_000, seed=5, kinds=(*SERVICES, *CONSUL), every_s=0.8))
    assert found.tally.findings == ()
    assert found.tally.again == 0
    assert sum(found.kills.values()) == 20
