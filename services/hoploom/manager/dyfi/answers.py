"""What a provider's answer means: a table of every word, and the reading of bodies that need not be answers at all.

A provider answers with a line for each name, in the order of the request; a word about the whole request may come
alone. Anything that is not in the table (a page of a captive portal, half an answer, nothing) is no answer: nobody
knows what became of the call, and it is made again after a while.

Source: www.dy.fi/page/specification; Dyn, "Return Codes" of the Remote Access Update API (DynDNS2).
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

UNAUTHORIZED, OK = 401, 200
LONGEST = 60
"""Characters of a strange answer that are kept for a person."""

HALF_AN_HOUR_S, DAY_S = 1800.0, 86400.0


class Verdict(Enum):
    """What is done about a word."""

    DONE = "the name points here"
    LATER = "asked again after a while"
    STOP = "nothing is asked any more until a person says so"


@dataclass(frozen=True)
class Meaning:
    """A word of the protocol.

    Attributes:
        verdict: What is done about it.
        words: For a person, with the way out; empty where there is nothing to do.
        rest_s: Shortest time before the next call.
        whole: Whether it may come alone, about all names of the request.
    """

    verdict: Verdict
    words: str = ""
    rest_s: float = 0.0
    whole: bool = False


@dataclass(frozen=True)
class Answer:
    """What was answered about one name.

    Attributes:
        name: The name.
        word: A word of the table, or the first characters of what came instead.
        address: The address that the provider names; empty where it names none.
    """

    name: str
    word: str
    address: str = ""

    @property
    def meaning(self) -> Meaning:
        """What it means; what is no word of the protocol is asked again."""
        return TABLE.get(self.word, NOTHING)


NOTHING = Meaning(Verdict.LATER, "the provider did not answer")
_STOP, _LATER = Verdict.STOP, Verdict.LATER
TABLE = {
    "good": Meaning(Verdict.DONE),
    "nochg": Meaning(Verdict.DONE),
    "badauth": Meaning(_STOP, "user or password is wrong: correct the setting or the password file", whole=True),
    "!donator": Meaning(_STOP, "the account may not do this: it is for paying users of the provider", whole=True),
    "!active": Meaning(_STOP, "the account is not activated yet: see the provider's mail", whole=True),
    "notfqdn": Meaning(_STOP, "a name is not a full one: correct dyfi_hosts"),
    "nohost": Meaning(_STOP, "a name does not belong to the account: register it, or correct dyfi_hosts"),
    "!yours": Meaning(_STOP, "a name belongs to another account: correct dyfi_hosts or dyfi_user"),
    "numhost": Meaning(_STOP, "too many names for one request: shorten dyfi_hosts", whole=True),
    "abuse": Meaning(_STOP, "the provider has blocked a name for too many updates: ask it to let the name go",
                     whole=True),
    "badagent": Meaning(_STOP, "the provider refuses this program or its request: set dyfi_contact, look for a newer "
                        "version", whole=True),
    "badsys": Meaning(_STOP, "the provider does not know the system named in dyfi_url: correct dyfi_url", whole=True),
    "badip": Meaning(_LATER, "the provider does not take this address (dy.fi: only Finnish ones)", DAY_S, whole=True),
    "dnserr": Meaning(_LATER, "the provider's name servers have trouble", HALF_AN_HOUR_S, whole=True),
    "911": Meaning(_LATER, "the provider is under repair", HALF_AN_HOUR_S, whole=True),
}  # fmt: skip


def read(status: int, body: bytes, names: Sequence[str]) -> tuple[Answer, ...]:
    """What was answered about each name.

    Args:
        status: HTTP status; providers say 200 even for errors, and 401 for a wrong password.
        body: As much of the body as was read.
        names: The names of the request, in its order.

    Returns:
        An answer for each name; those of which nothing is known have a word that is in no table.
    """
    if status == UNAUTHORIZED:
        return tuple(Answer(name, "badauth") for name in names)
    lines = [line for line in body.decode("utf-8", "replace").splitlines() if line.strip()]
    if status != OK and not (lines and _word(lines[0]) in TABLE):
        return tuple(Answer(name, f"status {status}") for name in names)
    if len(lines) == 1 and TABLE.get(_word(lines[0]), NOTHING).whole:
        lines *= len(names)
    if len(lines) != len(names):
        # Which line is whose is a guess then; but a word that asks to stop is never passed over.
        stops = [_word(line) for line in lines if TABLE.get(_word(line), NOTHING).verdict is Verdict.STOP]
        word = stops[0] if stops else f"{len(lines)} lines for {len(names)} names"
        return tuple(Answer(name, word) for name in names)
    return tuple(_answer(name, line) for name, line in zip(names, lines, strict=True))


def reason_to_stop(answers: Sequence[Answer]) -> str:
    """Why nothing may be asked any more, for a person; empty where nothing speaks against it."""
    found = [each for each in answers if each.meaning.verdict is Verdict.STOP]
    if not found:
        return ""
    names = ", ".join(each.name for each in found if each.word == found[0].word)
    return f"{found[0].word} for {names}: {found[0].meaning.words}"


def address_in(text: str) -> str:
    """A word as an address in its usual form; empty where it is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _answer(name: str, line: str) -> Answer:
    word, *more = line.split()
    if word in TABLE:
        return Answer(name, word, address_in(more[0]) if more else "")
    return Answer(name, "".join(each for each in line.strip()[:LONGEST] if each.isprintable()))


def _word(line: str) -> str:
    return (line.split() or [""])[0]
