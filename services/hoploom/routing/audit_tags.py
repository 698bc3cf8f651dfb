"""What is wrong with the tags that services have in Consul; each tag once, however many instances have it. Pure."""

from collections.abc import Iterator

from hoploom.kit import tags
from hoploom.kit.tag_findings import Finding
from hoploom.kit.tag_findings import Severity as TagSeverity
from hoploom.kit.tag_options import unknown
from hoploom.routing.audit_findings import AuditFinding, Kind, Severity
from hoploom.routing.audit_observed import Observed

_SHOWN = 120


def find(observed: Observed) -> list[AuditFinding]:
    """All of them."""
    seen = {(each.service, tag) for each in observed.instances or () for tag in each.tags}
    return [
        finding
        for prefix in observed.prefixes()
        for service, tag in sorted(seen)
        for finding in _findings(service, tag, prefix)
    ]


def _findings(service: str, tag: str, prefix: str) -> Iterator[AuditFinding]:
    # Blanks around a tag are nothing to Fabio.
    text = tag.strip()
    words = {word.partition("=")[0] for word in text.split()[1:]}
    strangers = {unknown(name).problem for name in words}
    for each in tags.lint([text], prefix):
        kind = Kind.UNKNOWN_OPTION if each.problem in strangers else Kind.MALFORMED_TAG
        subject = f"{service}: {text[:_SHOWN]!r}"
        yield AuditFinding(kind, _severity(kind, each), "", subject, f"{subject}: {each.problem}", each.cure)


def _severity(kind: Kind, finding: Finding) -> Severity:
    if kind is Kind.UNKNOWN_OPTION or finding.severity is TagSeverity.WARNING:
        return Severity.WARNING
    return Severity.ERROR
