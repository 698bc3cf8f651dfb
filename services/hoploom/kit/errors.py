"""Every error that hoploom raises on purpose, and what becomes of it.

::

    HoploomError
    ├── ConfigError       a wrong flag, file, tag or environment: one sentence on screen, exit code 2
    ├── Unavailable       something outside does not answer now: retried, or the service degrades (HTTP 503)
    │   ├── Unreached     no connection came about, so nothing was asked: any request may be sent elsewhere
    │   ├── Damaged       what is stored is not understood: a person has to look, and waiting mends nothing
    │   ├── Leaderless    Consul's agent reaches no leader of its servers: they mostly have one within seconds
    │   ├── OutOfSpace    the disk is full (HTTP 507): nothing was stored
    │   └── TooMany       who asks does so too often (HTTP 429): later
    ├── NotReady          a readiness probe says why this instance should not be routed to
    └── BadRequest        the caller's mistake: an RFC 9457 problem with `status` and the reason
        ├── Unauthorized  401: no credential, or a wrong one
        ├── Forbidden     403: a good credential of the wrong role, or a refused target
        ├── NotFound      404: no such campaign, lease, set ...
        ├── Conflict      409: the state does not allow it now
        ├── Gone          410: it was there, and is no more
        ├── TooLarge      413: body or decompressed body over the limit
        ├── Encoded       415: the body is compressed by HTTP
        └── Unprocessable 422: well-formed, and not acceptable

Anything else that escapes is a bug: it ends the process so that the scheduler restarts it. Errors of third-party
libraries are translated in the one module that imports them.
"""


class HoploomError(Exception):
    """Root of the tree; its text is one sentence for a person, with the way out."""


class ConfigError(HoploomError):
    """A setting, flag, file or tag is wrong; nothing was changed."""


class Unavailable(HoploomError):
    """An outside thing (Consul, a service, the disk) does not answer now.

    Attributes:
        retry_after_s: Seconds after which a caller should try again; sent as `Retry-After`.
        status: HTTP status of the problem document.
    """

    status = 503
    title = "Unavailable"

    def __init__(self, reason: str, retry_after_s: float = 1.0) -> None:
        """Say what is away, and when to ask again."""
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Unreached(Unavailable):
    """No connection came about: not a byte of the request has left, so whatever it was may be sent elsewhere."""


class Damaged(Unavailable):
    """What is stored is not understood; the text says which key to look at."""


class Leaderless(Unavailable):
    """Consul's agent answers, and reaches no leader of the servers: it was stopped, and another one is elected."""


class OutOfSpace(Unavailable):
    """The disk takes no more; nothing of the request was stored."""

    status = 507


class TooMany(Unavailable):
    """Who asks does so too often; nothing was done."""

    status = 429
    title = "Too many requests"


class NotReady(HoploomError):
    """Raised by a readiness probe; the text appears in the Consul UI."""


class BadRequest(HoploomError):
    """The caller's mistake; `status` and `title` go into the problem document."""

    status = 400
    title = "Bad request"


class Unauthorized(BadRequest):
    """No credential, or a wrong one."""

    status = 401
    title = "Unauthorized"


class Forbidden(BadRequest):
    """A good credential that does not allow this."""

    status = 403
    title = "Forbidden"


class NotFound(BadRequest):
    """There is no such thing."""

    status = 404
    title = "Not found"


class Conflict(BadRequest):
    """The present state does not allow this."""

    status = 409
    title = "Conflict"


class Gone(BadRequest):
    """It was there, and will not come back."""

    status = 410
    title = "Gone"


class TooLarge(BadRequest):
    """The body, or what it unpacks to, is over the limit."""

    status = 413
    title = "Content too large"


class Encoded(BadRequest):
    """The body is compressed by HTTP's means (`Content-Encoding`), which nobody here undoes."""

    status = 415
    title = "Unsupported media type"


class Unprocessable(BadRequest):
    """Well-formed, and not acceptable."""

    status = 422
    title = "Unprocessable content"
