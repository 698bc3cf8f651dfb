"""The standing of the routers in the KV store: the leader of the role writes it, every manager shows it. Pure."""

import json
from dataclasses import replace
from typing import Any, Final

from hoploom.kit.errors import BadRequest
from hoploom.manager.auditing.standing import FindingStanding, RouterStanding, Standing
from hoploom.wire.fields import MAX_INTEGER, PRINTABLE, Fields

KEY: Final = "hoploom/routers"
MOST_FINDINGS: Final = 100
"""A thousand instances that no router lists are one thing to put right, and the key stays small."""
MOST_UNSEEN: Final = 20
MOST_BYTES: Final = 128 * 1024
"""A quarter of what Consul takes, which refuses the whole write otherwise."""

_LONGEST = 500


def encoded(standing: Standing) -> bytes:
    """As it is stored; what is too long or too much is cut: words in tags are as long as anybody likes."""
    most = MOST_FINDINGS
    while len(value := _cut(standing, most)) > MOST_BYTES and most:
        most //= 2
    return value


def _cut(standing: Standing, most: int) -> bytes:
    rest = standing.more + max(0, len(standing.findings) - most)
    unseen = standing.unseen[:MOST_UNSEEN]
    stored = replace(standing, findings=standing.findings[:most], more=rest, unseen=unseen)
    return json.dumps(_plain(stored.to_json()), ensure_ascii=False).encode()


def decoded(value: bytes) -> Standing | None:
    """As it was stored; None for what is damaged, which the leader's next write mends."""
    try:
        found = Fields(json.loads(value), "the routers")
        return Standing(
            leader=_text(found, "leader"),
            at_us=_whole(found, "at_us"),
            routers=tuple(map(_router, found.objects("routers"))),
            findings=tuple(map(_finding, found.objects("findings"))),
            more=_whole(found, "more"),
            unseen=found.texts("unseen", longest=MOST_FINDINGS),
        )
    except (BadRequest, ValueError, RecursionError):
        return None


def _router(document: object) -> RouterStanding:
    known = Fields(document, "a router", versioned=False)
    return RouterStanding(
        name=_text(known, "name"),
        state=_text(known, "state"),
        since_us=_whole(known, "since_us"),
        why=_text(known, "why"),
        times=_whole(known, "times"),
        p50_s=_seconds(known, "p50_s"),
        p99_s=_seconds(known, "p99_s"),
        routes=_whole(known, "routes") if known.has("routes") else None,
        most=_whole(known, "most") if known.has("most") else None,
        shrunken=_text(known, "shrunken"),
        grave=known.flag("grave"),
    )


def _finding(document: object) -> FindingStanding:
    known = Fields(document, "a finding", versioned=False)
    words = {name: _text(known, name) for name in ("kind", "severity", "router", "subject", "problem", "cure")}
    return FindingStanding(**words, since_us=_whole(known, "since_us"))


def _text(known: Fields, name: str) -> str:
    return known.text(name, PRINTABLE)


def _whole(known: Fields, name: str) -> int:
    return known.integer(name, range(MAX_INTEGER))


def _seconds(known: Fields, name: str) -> float | None:
    return float(known.number(name)) if known.has(name) else None


def _plain(document: Any) -> Any:
    """What people are shown, in one line each: it comes from tags and answers of anybody."""
    match document:
        case str():
            return "".join(each if each.isprintable() else " " for each in document)[:_LONGEST]
        case dict():
            return {name: _plain(each) for name, each in document.items()}
        case list() | tuple():
            return [_plain(each) for each in document]
    return document
