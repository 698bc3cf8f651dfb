"""The retry policies, by name. Retrying lives in the edge that owns the policy, and is never nested."""

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential_jitter,
    wait_fixed,
)

from hoploom.kit.errors import Leaderless, Unavailable

ELECTION_S = 5.0
"""Where `python3 tests lab deploys` kills Consul's leader another one leads within three seconds."""


def once_more() -> AsyncRetrying:
    """A second try at once, for calls that may safely be repeated (GET, or with an idempotency key)."""
    return AsyncRetrying(retry=retry_if_exception_type(Unavailable), stop=stop_after_attempt(2), reraise=True)


def through_an_election() -> AsyncRetrying:
    """Tries again every tenth of a second while Consul's servers elect a leader, for reads that people wait for."""
    return AsyncRetrying(
        retry=retry_if_exception_type(Leaderless),
        stop=stop_after_delay(ELECTION_S),
        wait=wait_fixed(0.1),
        reraise=True,
    )


def patiently(for_s: float) -> AsyncRetrying:
    """Tries again with growing pauses (0.1 to 2 s, with jitter) for so many seconds."""
    return AsyncRetrying(
        retry=retry_if_exception_type(Unavailable),
        stop=stop_after_delay(for_s),
        wait=wait_exponential_jitter(multiplier=0.1, max=2.0, jitter=0.1),
        reraise=True,
    )
