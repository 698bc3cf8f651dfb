"""The result columns of a trace out of its paths and its log. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.hop_log import HopLog
from hoploom.prober.trace_paths import DONE, LOOPING, REFUSED, Paths
from hoploom.prober.traces import FAILED, GAP, LOOP, REACHED, STOPPED, UNREACHABLE, TraceColumns, TraceSettings
from hoploom.prober.ttl_sets import highest, only

_NONE = np.uint64(0)
_KEY = 256
"""More than any TTL: a target and a TTL make one number."""
MOST_LABELS = 16
"""Label stack entries kept of one answer: routers' stacks have a few."""


def columns(
    paths: Paths, log: HopLog, settings: TraceSettings, started_monotonic_us: int, started_at_us: int
) -> TraceColumns:
    """The results of the first targets, those whose paths are done; of all where that is asked for.

    Args:
        paths: Their state.
        log: What was heard.
        settings: How they were probed.
        started_monotonic_us: Monotonic clock when the trace began.
        started_at_us: Wall clock at the same moment, UTC microseconds since 1970.
    """
    is_done = np.append((paths.flags & DONE) != 0, False)
    end = len(is_done) - 1 if settings.tells_unfinished else int(is_done.argmin())
    answer, silence = _answers(paths, log, end), _silences(paths, log, end)
    hops = _merged(log.answers.rows[answer], silence)
    order = np.argsort(hops["key"], kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    mpls_hop, mpls_entry = _labels(log, answer, place)
    hops = {name: each[order] for name, each in hops.items()}
    return TraceColumns(
        outcome=_outcomes(paths, end),
        sent=paths.sent[:end],
        joined_ttl=paths.joined[:end],
        distance=_distances(paths, end, settings.max_ttl),
        at_us=np.maximum(paths.first_us[:end], 0),
        hop_target=(hops["key"] // _KEY).astype(np.int32),
        hop_ttl=(hops["key"] % _KEY).astype(np.uint8),
        hop_address=hops["address"],
        hop_rtt_us=hops["rtt_us"],
        hop_reply_ttl=hops["reply_ttl"],
        hop_quoted_ttl=hops["quoted_ttl"],
        hop_icmp_type=hops["icmp_type"],
        hop_icmp_code=hops["icmp_code"],
        hop_at_us=hops["at_us"],
        mpls_hop=mpls_hop,
        mpls_entry=mpls_entry,
        started_monotonic_us=started_monotonic_us,
        started_at_us=started_at_us,
    )


def _outcomes(paths: Paths, end: int) -> NDArray[np.uint8]:
    """An answer of the target itself counts most; a path of which nothing left has failed."""
    flags, found = paths.flags[:end], np.full(end, GAP, np.uint8)
    found[paths.sent[:end] == 0] = FAILED
    found[(flags & REFUSED) != 0] = UNREACHABLE
    found[(flags & LOOPING) != 0] = LOOP
    found[paths.reached[:end] > 0] = REACHED
    found[(flags & DONE) == 0] = STOPPED
    return found


def _distances(paths: Paths, end: int, max_ttl: int) -> NDArray[np.uint8]:
    """Where only the largest TTL reached the target, and the one before was not tried, the distance is anything."""
    reached = paths.reached[:end]
    before = (paths.probed[:end] & only(np.maximum(reached, 1) - 1)) != _NONE
    return np.where((reached < max_ttl) | before | (reached == 1), reached, 0).astype(np.uint8)


def _answers(paths: Paths, log: HopLog, end: int) -> NDArray[np.intp]:
    """Numbers of the answers that make rows: from where the path joins others to where it reaches the target."""
    rows = log.answers.rows
    kept = _is_inside(paths, rows["target"], rows["ttl"], end)
    return np.flatnonzero(kept)


def _silences(paths: Paths, log: HopLog, end: int) -> NDArray[Any]:
    """The silent hops before the last one that answered, each once."""
    rows = log.silences.rows
    rows = rows[_is_inside(paths, rows["target"], rows["ttl"], end)]
    answered = paths.answered[rows["target"]]
    rows = rows[((answered & only(rows["ttl"])) == _NONE) & (rows["ttl"] < highest(answered))]
    found: NDArray[Any] = rows[np.unique(_keys(rows), return_index=True)[1]]
    return found


def _is_inside(paths: Paths, target: NDArray[np.int32], ttl: NDArray[np.uint8], end: int) -> NDArray[np.bool_]:
    reached = paths.reached[target]
    kept = (target < end) & (ttl >= paths.joined[target]) & ((reached == 0) | (ttl <= reached))
    return np.asarray(kept)


def _keys(rows: NDArray[Any]) -> NDArray[np.int64]:
    keys: NDArray[np.int64] = rows["target"].astype(np.int64) * _KEY + rows["ttl"]
    return keys


def _merged(answers: NDArray[Any], silences: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Columns of both, answers first."""
    count = len(silences)
    names = ("rtt_us", "reply_ttl", "quoted_ttl", "icmp_type", "icmp_code")
    return {
        "key": np.concatenate((_keys(answers), _keys(silences))),
        "at_us": np.concatenate((answers["at_us"], silences["at_us"])),
        "address": np.concatenate((answers["address"], np.zeros((count, 16), np.uint8))),
        **{name: np.append(answers[name], np.full(count, -1, answers[name].dtype)) for name in names},
    }


def _labels(
    log: HopLog, answer: NDArray[np.intp], place: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
    """Label stack entries by the row of the hop that quoted them, in the order in which they were quoted."""
    hop_of = np.full(len(log.answers.rows), -1, np.int64)
    hop_of[answer] = place[: len(answer)]
    rows = log.labels.rows
    hop = hop_of[rows["answer"]]
    order = np.argsort(hop, kind="stable")
    order = order[hop[order] >= 0]
    hop, entry = hop[order], rows["entry"][order]
    depth = np.arange(len(hop)) - np.searchsorted(hop, hop)
    return hop[depth < MOST_LABELS].astype(np.int32), entry[depth < MOST_LABELS]
