"""What an audit finds, said for a tired operator: what is the matter, and what to do about it. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is; the worst first."""

    ERROR = "error"
    """Requests fail or go astray now, a change will not get through, or anybody may change or read too much."""

    WARNING = "warning"
    """It works today, and will not on a bad day; or it is not what somebody meant."""

    ADVICE = "advice"
    """It could be better. Alone it fails no audit."""


class Kind(StrEnum):
    """What a finding is about; the names are stable, for scripts and alerts."""

    MISSING = "missing"
    STALE = "stale"
    ROUTER_AWAY = "router-away"
    ROUTERS_DIFFER = "routers-differ"
    MALFORMED_TAG = "malformed-tag"
    UNKNOWN_OPTION = "unknown-option"
    BAD_OVERRIDE = "bad-override"
    ODD_OVERRIDE = "odd-override"
    SHADOWED_OVERRIDE = "shadowed-override"
    CHECKS_REQUIRED_ONE = "checks-required-one"
    OPEN_ADMIN_PORT = "open-admin-port"
    WRITABLE_PAGES = "writable-pages"
    READABLE_TOKEN = "readable-token"
    CONSISTENT_READS = "consistent-reads"
    STALE_READS = "stale-reads"
    DIAL_TIMEOUT = "dial-timeout"
    GLOB_MATCHING = "glob-matching"
    GARBAGE_COLLECTION = "garbage-collection"
    RECOMMENDED_SETTING = "recommended-setting"


@dataclass(frozen=True)
class AuditFinding:
    """One thing that is wrong.

    Attributes:
        kind: What it is about.
        severity: How bad it is.
        router: The Fabio that it is seen at; empty where it is a matter of Consul alone.
        subject: The instance, service, tag, line or setting.
        problem: What is the matter, in a sentence without its full stop.
        cure: What to do about it, likewise.
    """

    kind: Kind
    severity: Severity
    router: str
    subject: str
    problem: str
    cure: str

    @property
    def key(self) -> tuple[str, str, str]:
        """The same for the same finding of a later look, whatever its words say by then."""
        return self.kind, self.router, self.subject

    def __str__(self) -> str:
        """Problem and cure in one line."""
        return f"{self.problem}: {self.cure}"


def worst_first(findings: list[AuditFinding]) -> list[AuditFinding]:
    """By severity, then by kind, router and subject; each once."""
    ranks, kinds = list(Severity), list(Kind)
    return sorted(
        dict.fromkeys(findings),
        key=lambda each: (ranks.index(each.severity), kinds.index(each.kind), each.router, each.subject),
    )
