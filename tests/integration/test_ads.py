"""Three managers as processes, cut in two, killed and stopped; the long run is `python3 tests lab ads`."""

from pathlib import Path

from lab.ads_run import Plan, run
from lab.namespace import needs_root


@needs_root
def test_managers_know_the_same_workers_and_none_that_is_dead(tmp_path: Path) -> None:
    found = run(tmp_path, Plan())
    print(found)
    assert found.wrong == []
    assert 0 < found.passed_on <= found.bound
