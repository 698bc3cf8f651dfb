"""What a playbook did is read from the recap at its end."""

from lab.hosts.playbook import recap

OUTPUT = """
TASK [a1 : ok=9 is no recap] ***
PLAY RECAP *********************************************************************
a1                         : ok=3    changed=1    unreachable=0    failed=0    skipped=2    rescued=0    ignored=0
b1                         : ok=0    changed=0    unreachable=1    failed=0    skipped=0    rescued=0    ignored=0
"""


def test_every_host_has_its_counts() -> None:
    counts = recap(OUTPUT)
    assert list(counts) == ["a1", "b1"]
    assert (counts["a1"]["changed"], counts["a1"]["skipped"], counts["b1"]["unreachable"]) == (1, 2, 1)


def test_output_without_a_recap_has_none() -> None:
    assert recap("ERROR! a1 : ok=3 the playbook could not be found") == {}
