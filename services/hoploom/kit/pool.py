"""The instances of one service as one client knows them: whom it asks next, and what came of it. Pure.

Joins `picking` (of those that are in) with `outliers` (who is out). It waits for nothing and sends nothing: `balance`
does, and tells it. Times are seconds of any clock that does not go back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hoploom.kit import picking
from hoploom.kit.outliers import RULES, Rules, Standing, may_be_out


@dataclass(slots=True, eq=False)
class Peer:
    """One instance.

    Attributes:
        url: Where it answers.
        warm_s: Since when it counts like the others.
        outstanding: Requests and streams that are open to it.
        standing: How it has answered.
        on_trial: Whether a request is under way that decides on its return.
    """

    url: str
    warm_s: float = float("-inf")
    outstanding: int = 0
    standing: Standing = field(default_factory=Standing)
    on_trial: bool = False


@dataclass(slots=True, eq=False)
class Turn:
    """One request's turn at an instance.

    Attributes:
        peer: The instance.
        is_trial: Whether the instance was out, so that this decides on its return.
        is_judged: Whether it is known what came of it.
    """

    peer: Peer
    is_trial: bool = False
    is_judged: bool = False


class Pool:
    """All instances of a service."""

    def __init__(self, chance: Callable[[], float], rules: Rules = RULES) -> None:
        """Know nobody yet; `chance` gives numbers in [0, 1)."""
        self._chance, self._rules = chance, rules
        self._peers: dict[str, Peer] = {}
        self._in: Sequence[Peer] = ()
        self._out: Sequence[Peer] = ()
        self._next_trial_s = float("inf")
        self._all_fail = False

    @property
    def peers(self) -> Sequence[Peer]:
        """All of them, in or out."""
        return (*self._in, *self._out)

    @property
    def outstanding(self) -> int:
        """Requests and streams that are open."""
        return sum(each.outstanding for each in self.peers)

    @property
    def out(self) -> int:
        """How many are out."""
        return len(self._out)

    def learn(self, urls: Mapping[str, str], now_s: float) -> None:
        """Take a new list: who is in both keeps what is known of it, who joins others warms up.

        Args:
            urls: URL of each instance by its id; ids are new at each start, so who comes back comes as another.
            now_s: Time.
        """
        stayed = {name: peer for name, peer in self._peers.items() if urls.get(name) == peer.url}
        warm_s = now_s + picking.WARM_S if stayed else float("-inf")
        self._peers = {name: stayed.get(name) or Peer(url, warm_s) for name, url in urls.items()}
        self._sort(now_s)

    def take(self, now_s: float, avoid: Peer | None = None) -> Turn | None:
        """The next request's turn, which is open until `leave`; None where nobody is known.

        Args:
            now_s: Time.
            avoid: An instance that has just failed: another is given while there is one, if need be one that is out.
        """
        if now_s >= self._next_trial_s and (tried := self._due(now_s, avoid)):
            tried.on_trial = True
            self._plan()
            return self._open(tried)
        found = self._in if self._in and not self._all_fail else self.peers
        if avoid is not None:
            found = self._others(found, avoid) or self._others(self._out, avoid) or self.peers
        return self._open(picking.least(found, now_s, self._chance)) if found else None

    def judge(self, turn: Turn, now_s: float, *, failed: bool) -> float:
        """Say once what came of a turn, which may stay open: a stream does.

        Returns:
            Seconds for which the instance is left alone from now on because of it; 0 for nothing of the kind.
        """
        if turn.is_judged:
            return 0.0
        turn.is_judged, standing = True, turn.peer.standing
        self._all_fail = self._all_fail and failed
        if standing.is_out:
            # What was asked of it before it was out says nothing new.
            return self._decide(turn.peer, now_s, failed=failed) if turn.is_trial else 0.0
        standing.note(self._rules, failed=failed)
        if not (failed and standing.is_outlier(self._share_beside(turn.peer), self._rules)):
            return 0.0
        if turn.peer in self._in and may_be_out(len(self._out) + 1, len(self._peers), self._rules):
            return self._eject(turn.peer, now_s)
        # Who is out is no worse then than who is in, and may be back first. Source: Envoy, "Panic threshold".
        self._all_fail = all(each.standing.in_a_row >= self._rules.in_a_row for each in self._in)
        return 0.0

    def leave(self, turn: Turn) -> None:
        """End a turn; where nothing was said of it, nothing is known, and a trial is open to the next request."""
        turn.peer.outstanding -= 1
        if turn.is_trial and not turn.is_judged:
            turn.peer.on_trial = False
            self._plan()

    @staticmethod
    def _open(peer: Peer) -> Turn:
        peer.outstanding += 1
        return Turn(peer, is_trial=peer.standing.is_out)

    @staticmethod
    def _others(those: Sequence[Peer], avoid: Peer) -> Sequence[Peer]:
        return [each for each in those if each is not avoid]

    def _due(self, now_s: float, avoid: Peer | None) -> Peer | None:
        due = (each for each in self._out if each.standing.until_s <= now_s and not each.on_trial)
        return next((each for each in due if each is not avoid), None)

    def _decide(self, peer: Peer, now_s: float, *, failed: bool) -> float:
        peer.on_trial = False
        # Where all fail, that says nothing against one of them, which should not have to wait for longer.
        if failed and not self._all_fail:
            return self._eject(peer, now_s)
        if not failed:
            peer.standing.readmit(now_s)
        self._sort(now_s)
        return 0.0

    def _eject(self, peer: Peer, now_s: float) -> float:
        peer.standing.eject(now_s, self._chance(), self._rules)
        self._sort(now_s)
        return peer.standing.until_s - now_s

    def _share_beside(self, peer: Peer) -> float:
        """The others' part of failures: of those that are in, each counted alike."""
        others = [each.standing.share for each in self._in if each is not peer]
        return sum(others) / len(others) if others else 0.0

    def _sort(self, now_s: float) -> None:
        peers = self._peers.values()
        out = sorted((each for each in peers if each.standing.is_out), key=lambda each: each.standing.until_s)
        while not may_be_out(len(out), len(self._peers), self._rules):
            # The list has become shorter: who would be back first is.
            out.pop(0).standing.readmit(now_s)
        self._out = tuple(out)
        self._in = tuple(each for each in peers if not each.standing.is_out)
        self._plan()

    def _plan(self) -> None:
        waiting = (each.standing.until_s for each in self._out if not each.on_trial)
        self._next_trial_s = min(waiting, default=float("inf"))
