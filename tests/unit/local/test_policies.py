"""The policies that are printed name our prefix, and nothing wider than they have to."""

from hoploom.kit.names import Names
from hoploom.local import policies

NAMES = Names.apart("loom2")


def test_writing_is_allowed_under_the_prefix_alone() -> None:
    rules = policies.consul(NAMES).split("}\n")
    writing = [rule for rule in rules if 'policy = "write"' in rule]
    assert [rule for rule in writing if "loom2" not in rule and "session_prefix" not in rule] == []
    assert not any(line.startswith("acl") for line in policies.consul(NAMES).splitlines())


def test_nomad_may_be_asked_and_given_jobs() -> None:
    assert '"submit-job"' in policies.nomad(NAMES) and "write" not in policies.nomad(NAMES)
