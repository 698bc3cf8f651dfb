"""Two datacenters, each with its own Consul, Fabio, input, output and worker; the link between them is cut."""

from pathlib import Path

from lab.datacenters import Plan, run
from lab.namespace import needs_root


@needs_root
def test_each_goes_on_by_itself_and_afterwards_nothing_is_lost_or_was_probed_twice(tmp_path: Path) -> None:
    found = run(tmp_path, Plan())
    print(found)
    assert found.wrong == ()
    assert found.pause_s < 5 and found.pulled_s < 5
