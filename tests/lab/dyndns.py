"""A provider of names as dy.fi is one: accounts, names that are forgotten after a week, and patience that ends.

The model is told the time, so that it serves a simulation as well as the HTTP server beside it. It never speaks to
anybody else's name servers: `resolve` is its DNS.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field

DAY_S = 86400.0
FORGOTTEN_S, EARLY_S = 7 * DAY_S, 5 * DAY_S
PATIENCE = 8
"""So many updates in a row that were needless block a name."""


@dataclass(frozen=True)
class Heard:
    """One request as the provider has heard it."""

    at_s: float
    names: tuple[str, ...]
    sender: str
    agent: str
    words: tuple[str, ...]


@dataclass
class _Name:
    address: str = ""
    at_s: float = float("-inf")
    needless: int = 0


@dataclass
class Provider:
    """The provider.

    Attributes:
        user: The one account's.
        password: Its password.
        names: Its names.
        foreign: Senders whose address it does not take.
        heard: Every request, in its order.
        instead: What is said next in place of the truth: (status, body); the last one again and again when `always`.
        always: Whether what is said instead is said for ever.
    """

    user: str = "me"
    password: str = "secret"
    names: dict[str, _Name] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    heard: list[Heard] = field(default_factory=list)
    instead: list[tuple[int, str]] = field(default_factory=list)
    always: bool = False

    @classmethod
    def of(cls, *names: str) -> "Provider":
        """One that has these names."""
        return cls(names={name: _Name() for name in names})

    def asked(self, query: str, login: str, sender: str, agent: str, at_s: float) -> tuple[int, str]:
        """Hear one request.

        Args:
            query: The comma list of names.
            login: The header `Authorization`.
            sender: Where it comes from.
            agent: The header `User-Agent`.
            at_s: When.

        Returns:
            Status and body.
        """
        names = tuple(query.split(","))
        if self.instead:
            status, body = self.instead[0] if self.always else self.instead.pop(0)
        elif not self._knows(login):
            status, body = 401, "badauth\n"
        else:
            status, body = 200, "".join(f"{self._word(name, sender, at_s)}\n" for name in names)
        self.heard.append(Heard(at_s, names, sender, agent, tuple(body.split("\n")[: len(names)])))
        return status, body

    def resolve(self, names: Sequence[str], at_s: float) -> dict[str, frozenset[str]]:
        """What DNS says."""
        found = {name: self.names.get(name, _Name()) for name in names}
        return {
            name: frozenset({each.address} if each.address and at_s - each.at_s < FORGOTTEN_S else ())
            for name, each in found.items()
        }

    def _knows(self, login: str) -> bool:
        scheme, _, text = login.partition(" ")
        try:
            return scheme == "Basic" and base64.b64decode(text).decode() == f"{self.user}:{self.password}"
        except (binascii.Error, UnicodeDecodeError):
            return False

    def _word(self, name: str, sender: str, at_s: float) -> str:
        if "." not in name:
            return "notfqdn"
        known = self.names.get(name)
        if known is None:
            return "nohost"
        if known.needless >= PATIENCE:
            return "abuse"
        if sender in self.foreign:
            return "badip"
        if known.address == sender and at_s - known.at_s < EARLY_S:
            known.needless += 1
            known.at_s = at_s
            return "nochg"
        known.address, known.at_s, known.needless = sender, at_s, 0
        return f"good {sender}"
