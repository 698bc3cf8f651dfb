"""Is the new version as good as the old one? Counts of routers and instances, read twice, and what the difference says.

`Watcher` reads, `Look` is what there was to see at one moment, `judge` compares two looks. The rule is in `judging`,
how sure it is in `evidence`.
"""

from hoploom.deploying.gate.judging import judge
from hoploom.deploying.gate.looks import Look, Seen
from hoploom.deploying.gate.verdicts import Group, Policy, Verdict
from hoploom.deploying.gate.watcher import Watcher, target

__all__ = ["Group", "Look", "Policy", "Seen", "Verdict", "Watcher", "judge", "target"]
