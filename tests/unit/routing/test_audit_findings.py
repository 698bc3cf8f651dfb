"""How findings are ordered."""

from hoploom.routing.audit_findings import AuditFinding, Kind, Severity, worst_first


def finding(severity: Severity, kind: Kind = Kind.STALE, router: str = "f1", problem: str = "p") -> AuditFinding:
    return AuditFinding(kind, severity, router, "s", problem, "c")


def test_the_worst_first_then_by_kind_and_router_and_each_once() -> None:
    advice, missing = finding(Severity.ADVICE), finding(Severity.ERROR, Kind.MISSING, "f2")
    stale, again = finding(Severity.ERROR), finding(Severity.ERROR)
    assert worst_first([advice, stale, missing, again]) == [missing, stale, advice]


def test_two_problems_of_one_subject_are_two_findings() -> None:
    assert len(worst_first([finding(Severity.ERROR), finding(Severity.ERROR, problem="other")])) == 2


def test_in_one_line_it_says_problem_and_cure() -> None:
    assert str(finding(Severity.ERROR)) == "p: c"
