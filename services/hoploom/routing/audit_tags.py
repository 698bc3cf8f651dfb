"""What is wrong with the tags that services have in Consul; each tag once, however many instances have it. Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache

from hoploom.kit import tags
from hoploom.kit.consul_records import Instance
from hoploom.kit.tag_findings import Finding
from hoploom.kit.tag_options import unknown
from hoploom.routing.audit_findings import AuditFinding, Kind, Severity
from hoploom.routing.audit_observed import Observed
from hoploom.routing.commands import read
from hoploom.routing.table import registered_lines

_SHOWN = 120
_HOST_ALONE = re.compile(r"[A-Za-z0-9*$][^\s/:]*")


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
    if not text.startswith(prefix):
        return
    subject = f"{service}: {text[:_SHOWN]!r}"
    source, blank, options = text[len(prefix) :].strip().partition(" ")
    if _HOST_ALONE.fullmatch(source):
        problem = f"{subject}: it has no slash, and Fabio takes it for {source.lower()}/"
        yield AuditFinding(Kind.MALFORMED_TAG, Severity.WARNING, "", subject, problem, f"write {prefix}{source}/")
        source += "/"
    frozen = _freezing(service, text, prefix)
    if frozen:
        yield AuditFinding(Kind.MALFORMED_TAG, Severity.ERROR, "", subject, f"{subject}: {frozen.problem}", frozen.cure)
        return
    strangers = {unknown(word.partition("=")[0]).problem for word in options.split()}
    for each in tags.lint([f"{prefix}{source}{blank}{options}"], prefix):
        kind = Kind.UNKNOWN_OPTION if each.problem in strangers else Kind.MALFORMED_TAG
        # As the kit judges, which refuses such a tag, and `hoploom route lint`.
        yield AuditFinding(kind, Severity(each.severity), "", subject, f"{subject}: {each.problem}", each.cure)


@lru_cache(maxsize=4096)
def _freezing(service: str, tag: str, prefix: str) -> Finding | None:
    """Why Fabio refuses its whole table over a tag; None where it does not."""
    lines = registered_lines([Instance("", service, "127.0.0.1", 1, tags=(tag,))], prefix)
    return next((finding for line in read("\n".join(lines)) for finding in line.findings), None)
