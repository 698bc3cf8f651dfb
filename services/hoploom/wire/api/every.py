"""What every service answers: `kit` puts it there. Pure."""

from typing import Final

from hoploom.wire.api.describing import JSON, PROBLEM, TEXT, Call

_WORDS: Final = {200: (TEXT,), 410: (TEXT,), 503: (TEXT, PROBLEM)}
CALLS: Final = (
    Call("GET", "/health", "Whether the process is alive; Consul's check `alive`.",
         query={"instance": "Id of the one that is meant"}, answers={200: (TEXT,), 410: (TEXT,)}),
    Call("GET", "/ready", "Whether this instance may be routed to, and why not.",
         query={"instance": "Id of the one that is meant"}, answers=_WORDS),
    Call("GET", "/routed", "Whether every passing Fabio lists this instance.",
         answers={200: (TEXT,), 503: (TEXT, PROBLEM)}),
    Call("GET", "/load", "How busy this instance is.", answers={200: (JSON,)}),
    Call("GET", "/metrics", "Metrics for Prometheus.", answers={200: (TEXT,)}),
)  # fmt: skip
