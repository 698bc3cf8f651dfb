"""A campaign as a person types it into a form: read into a request, with a sentence beside each field that will not do.

What was typed stays text until all of it is good, so that the form can be shown again as it was. Pure.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hoploom.kit.errors import BadRequest
from hoploom.targets.files import parse_list
from hoploom.wire import slices
from hoploom.wire.campaign_request import CampaignRequest
from hoploom.wire.fields import VERSION
from hoploom.wire.probe import PING, TRACE

KINDS: Mapping[str, str] = {
    "ping": "Ping: echo requests",
    "trace-icmp": "Traceroute by echo requests",
    "trace-udp": "Traceroute by UDP",
}
SCOPES: Mapping[str, str] = {"group": "within a group of workers", "mesh": "over all workers"}
DEFAULTS: Mapping[str, str] = {
    "name": "", "blocks": "", "excludes": "", "per_prefix": "", "own": "", "contact": "", "kind": "ping",
    "count": "1", "max_ttl": "32", "rate_pps": "", "network_pps": "", "max_targets": "", "rounds": "1",
    "cooldown_minutes": "0", "cooldown_scope": "group", "slices": "", "apart": "",
}  # fmt: skip
"""Every field of the form as it is shown first."""

BOXES = ("own", "apart")
"""Fields that are there where they are ticked."""

_NUMBERS = ("rate_pps", "network_pps", "max_targets", "rounds", "cooldown_minutes")
_FROM = "# from "
_DIGITS = re.compile("[0-9]{1,15}")
_PLAIN = re.compile("[^a-z0-9]+")
# What the planner says is in the words of the command line.
_WORDS = (
    ("need the campaign's own key: --allow-private", "are probed only where you say so: tick “My own networks”"),
    ("give --rate", "give a rate"),
    ("--per-prefix", "sampling"),
    ("--max-targets", "“Targets at most”"),
)


@dataclass(frozen=True)
class Read:
    """What a form came to.

    Attributes:
        request: What is wanted; None where the form will not do.
        errors: Sentences by field; those of the whole form under "".
    """

    request: CampaignRequest | None
    errors: Mapping[str, Sequence[str]]

    @property
    def digest(self) -> str:
        """Names the content, so that nothing is started that was not planned; empty where there is none."""
        return self.request.id.rpartition("-")[2] if self.request else ""


def sources(text: str) -> list[list[Any]]:
    """Where the blocks of a text came from, as `CampaignRequest.sources`; empty where all of them were typed.

    Args:
        text: As `with_lists` makes it.
    """
    found: list[list[Any]] = [["typed", 0]]
    for line in text.split("\n"):
        if line.startswith(_FROM):
            name = line.removeprefix(_FROM).strip()
            found.append([name.rpartition(".")[0] or name or "list", 0])
        elif line.partition("#")[0].strip():
            found[-1][1] += 1
    return [each for each in found if each[1]] if len(found) > 1 else []


def with_lists(blocks: str, lists: Sequence[tuple[str, str]]) -> str:
    """What was typed, with uploaded lists below it.

    Args:
        blocks: Text of the field.
        lists: Name and text of each file.
    """
    parts = [blocks.rstrip()] if blocks.strip() else []
    for name, text in lists:
        shown = "".join(each for each in name if each.isprintable())[:80]
        parts.append(f"{_FROM}{shown}\n{text.strip()}")
    return "\n".join(parts)


def read(typed: Mapping[str, str], key: str) -> Read:
    """Read a form.

    Args:
        typed: The text of each field of `DEFAULTS`; line ends as browsers send them.
        key: Chosen when the form was shown first: the same form sent twice makes one campaign, two forms two.
    """
    errors: dict[str, Sequence[str]] = {}
    document = {
        "v": VERSION,
        "id": "form",
        "name": typed["name"].strip(),
        "blocks": _blocks(typed, "blocks", errors),
        "excludes": _blocks(typed, "excludes", errors),
        "per_prefix": typed["per_prefix"].replace(" ", ""),
        "allow_private": typed["own"] == "yes",
        "contact": typed["contact"].strip(),
        "probe": _probe(typed, errors),
        "cooldown_scope": typed["cooldown_scope"],
        "apart": typed["apart"] == "yes",
        **{name: number for name in _NUMBERS if (number := _number(typed, name, errors)) is not None},
        "slices": _slices(typed, errors),
        "sources": sources(typed["blocks"]),
    }
    if not document["blocks"] and "blocks" not in errors:
        errors["blocks"] = ["Name at least one block or address, such as 192.0.2.0/24."]
    if errors:
        return Read(None, errors)
    try:
        request = CampaignRequest.from_json(document)
    except BadRequest as error:
        return Read(None, _placed(str(error)))
    return Read(replace(request, id=_id(request, key)), {})


def in_words(reason: str) -> str:
    """What the planner says, in the words of the form."""
    for flag, words in _WORDS:
        reason = reason.replace(flag, words)
    return reason


def _blocks(typed: Mapping[str, str], field: str, errors: dict[str, Sequence[str]]) -> list[str]:
    found = parse_list(field, typed[field])
    if found.bad_count:
        lines = [f"Line {bad.line}: {bad.reason}" for bad in found.bad_lines]
        more = found.bad_count - len(lines)
        errors[field] = [*lines, *([f"And {more:,} more lines."] if more else [])]
    return [str(block) for block in found.blocks]


def _probe(typed: Mapping[str, str], errors: dict[str, Sequence[str]]) -> dict[str, object]:
    kind, _, protocol = typed["kind"].partition("-")
    document: dict[str, object] = {"kind": TRACE, "protocol": protocol} if kind == TRACE else {"kind": PING}
    for name in ("count", "max_ttl") if kind == TRACE else ("count",):
        number = _number(typed, name, errors)
        document |= {name: number} if number is not None else {}
    return document


def _number(typed: Mapping[str, str], field: str, errors: dict[str, Sequence[str]]) -> int | None:
    """A whole number; None where nothing is typed."""
    text = re.sub(r"[\s,_']", "", typed[field])
    if text and not _DIGITS.fullmatch(text):
        errors[field] = [f"This is a whole number, such as 100, not {typed[field][:40]!r}."]
        return None
    return int(text) if text else None


def _slices(typed: Mapping[str, str], errors: dict[str, Sequence[str]]) -> dict[str, int]:
    try:
        return slices.parse(typed["slices"])
    except BadRequest as error:
        errors["slices"] = [f"{error}."]
        return {}


def _placed(reason: str) -> dict[str, Sequence[str]]:
    """A refusal beside its field: it begins with the field's name."""
    field = reason.partition(" of ")[0]
    return {field if field in DEFAULTS else "": [f"{reason}."]}


def _id(request: CampaignRequest, key: str) -> str:
    content = json.dumps([key, request.to_json()], sort_keys=True)
    slug = _PLAIN.sub("-", request.name.lower()).strip("-")[:40].rstrip("-") or "campaign"
    return f"{slug}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
