"""The instances of one service as one client knows them: whom it asks next, and what came of it. Pure.

Joins `picking` (of those that are in) with `outliers` (who is out) and with shares by version. It waits for nothing and
sends nothing: `balance` does, and tells it. Times are seconds of any clock that does not go back.

What an ordinary request meets is made when something changes, and not for each: `take` and `end` stand in its way.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from hoploom.kit import picking
from hoploom.kit.outliers import RULES, Rules, Standing, may_be_out

Part = tuple[float, Collection[str]]
"""A share of the requests, 0 for nothing, and the ids of the instances that have it together."""


class Peer:
    """One instance.

    Attributes:
        url: Where it answers.
        warm_s: Since when it counts like the others.
        outstanding: Requests and streams that are open to it.
        standing: How it has answered.
        on_trial: Whether a request is under way that decides on its return.
        usual: The turn of a request.
        trial: The turn of one that decides on its return.
    """

    __slots__ = ("on_trial", "outstanding", "standing", "trial", "url", "usual", "warm_s")

    def __init__(self, url: str, warm_s: float = float("-inf")) -> None:
        """Owe nothing yet."""
        self.url, self.warm_s, self.outstanding = url, warm_s, 0
        self.standing, self.on_trial = Standing(), False
        # Made once: nothing in them is of one request, and there are thousands a second.
        self.usual, self.trial = Turn(self), Turn(self, is_trial=True)


@dataclass(slots=True, eq=False)
class Turn:
    """A request's turn at an instance.

    Attributes:
        peer: The instance.
        is_trial: Whether the instance was out, so that this decides on its return.
    """

    peer: Peer
    is_trial: bool = False


class Pool:
    """All instances of a service."""

    def __init__(self, chance: Callable[[], float], rules: Rules = RULES) -> None:
        """Know nobody yet; `chance` gives numbers in [0, 1)."""
        self._chance, self._rules = chance, rules
        self._peers: dict[str, Peer] = {}
        self._parts: Sequence[Part] = ()
        # Those that have a share; whoever has none is as if it were not there.
        self._in: Sequence[Peer] = ()
        self._out: Sequence[Peer] = ()
        self._all_fail = False
        self._next_trial_s = float("inf")
        # What an ordinary request meets: all of `_met`, or of the part whose turn it is.
        self._met: Sequence[Peer] = ()
        self._met_parts: Sequence[tuple[float, Sequence[Peer]]] = ()
        self._warm_s = float("-inf")

    @property
    def peers(self) -> Collection[Peer]:
        """All of them, in or out."""
        return self._peers.values()

    @property
    def outstanding(self) -> int:
        """Requests and streams that are open."""
        return sum(each.outstanding for each in self.peers)

    @property
    def out(self) -> int:
        """How many are out."""
        return len(self._out)

    def learn(self, urls: Mapping[str, str], now_s: float, parts: Sequence[Part] = ()) -> None:
        """Take a new list: who is in both keeps what is known of it, who joins others warms up.

        Args:
            urls: URL of each instance by its id; ids are new at each start, so who comes back comes as another.
            now_s: Time.
            parts: Shares that somebody has set, of all instances; none where nobody has. Of who has a share of 0
                nothing is asked as long as another is listed, failing or not.
        """
        stayed = {name: peer for name, peer in self._peers.items() if urls.get(name) == peer.url}
        warm_s = now_s + picking.WARM_S if stayed else float("-inf")
        self._peers = {name: stayed.get(name) or Peer(url, warm_s) for name, url in urls.items()}
        self._parts = parts
        self._sort(now_s)

    def take(self, now_s: float, avoid: Peer | None = None) -> Turn | None:
        """The next request's turn, which is open until `leave` or `end`; None where nobody is known.

        Args:
            now_s: Time.
            avoid: An instance that has just failed: another is given while there is one, on another host before one
                on the same, and if need be one that is out.
        """
        if now_s >= self._next_trial_s and (tried := self._due(now_s, avoid)):
            tried.on_trial = True
            self._plan()
            return self._open(tried)
        found = picking.part(self._met_parts, self._chance) if self._met_parts else self._met
        if avoid is not None:
            found = self._others(self._met, avoid) or self._others(self._out, avoid) or self._met
        if not found:
            return None
        if now_s < self._warm_s:
            return self._open(picking.least(found, now_s, self._chance))
        return self._open(picking.least_warm(found, self._chance))

    def end(self, turn: Turn, clock: Callable[[], float], *, failed: bool) -> float:
        """`judge` and `leave` at once; what went well at an instance that is in needs no time, so none is read."""
        turn.peer.outstanding -= 1
        if failed or turn.is_trial or self._all_fail or turn.peer.standing.is_out:
            return self.judge(turn, clock(), failed=failed)
        turn.peer.standing.note(self._rules, failed=False)
        return 0.0

    def judge(self, turn: Turn, now_s: float, *, failed: bool) -> float:
        """Say, once, what came of a turn, which may stay open: a stream does.

        Returns:
            Seconds for which the instance is left alone from now on because of it; 0 for nothing of the kind.
        """
        peer, standing = turn.peer, turn.peer.standing
        if not failed:
            self._set_all_fail(now=False)
        if standing.is_out:
            # What was asked of it before it was out says nothing new.
            return self._decide(peer, now_s, failed=failed) if turn.is_trial else 0.0
        standing.note(self._rules, failed=failed)
        if not (failed and standing.is_outlier(self._share_beside(peer), self._rules)):
            return 0.0
        if peer in self._in and self._may_be_out(len(self._out) + 1):
            return self._eject(peer, now_s)
        # Who is out is no worse then than who is in, and may be back first. Source: Envoy, "Panic threshold".
        self._set_all_fail(now=all(each.standing.in_a_row >= self._rules.in_a_row for each in self._in))
        return 0.0

    def leave(self, turn: Turn, *, is_judged: bool = True) -> None:
        """End a turn; where nothing was said of it, nothing is known, and a trial is open to the next request."""
        turn.peer.outstanding -= 1
        if turn.is_trial and not is_judged:
            turn.peer.on_trial = False
            self._plan()

    @staticmethod
    def _open(peer: Peer) -> Turn:
        peer.outstanding += 1
        return peer.trial if peer.standing.is_out else peer.usual

    @staticmethod
    def _others(those: Sequence[Peer], avoid: Peer) -> Sequence[Peer]:
        others = [each for each in those if each is not avoid]
        # Of a host without power the next instance is as dead.
        host = urlsplit(avoid.url).hostname
        return [each for each in others if urlsplit(each.url).hostname != host] or others

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

    def _may_be_out(self, out: int) -> bool:
        return may_be_out(out, len(self._in) + len(self._out), self._rules)

    def _set_all_fail(self, *, now: bool) -> None:
        if now != self._all_fail:
            self._all_fail = now
            self._arrange()

    def _sort(self, now_s: float) -> None:
        spared = {name for share, names in self._parts for name in names if not share}
        listed = [peer for name, peer in self._peers.items() if name not in spared] or list(self.peers)
        out = sorted((each for each in listed if each.standing.is_out), key=lambda each: each.standing.until_s)
        while not may_be_out(len(out), len(listed), self._rules):
            # The list has become shorter: who would be back first is.
            out.pop(0).standing.readmit(now_s)
        self._out = tuple(out)
        self._in = tuple(each for each in listed if not each.standing.is_out)
        self._arrange()
        self._plan()

    def _arrange(self) -> None:
        found = self._met = self._in if self._in and not self._all_fail else (*self._in, *self._out)
        self._warm_s = max((each.warm_s for each in found), default=float("-inf"))
        parts = [(share, [self._peers[name] for name in names if name in self._peers]) for share, names in self._parts]
        met = [(share, tuple(each for each in those if each in found)) for share, those in parts if share]
        met = [(share, those) for share, those in met if those]
        self._met_parts = met if len(met) > 1 else ()

    def _plan(self) -> None:
        waiting = (each.standing.until_s for each in self._out if not each.on_trial)
        self._next_trial_s = min(waiting, default=float("inf"))
