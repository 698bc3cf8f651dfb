"""What a manager answers to workers, to other managers, and to whoever sets workers up. Pure."""

from typing import Final

from hoploom.wire.api.describing import (
    EVENTS,
    INTEGER,
    JSON,
    MESH,
    NUMBER,
    OBJECTS,
    OPERATOR,
    TEXT,
    TEXT_VALUE,
    VIEWER,
    WORKER,
    Body,
    Call,
)

_PROOF: Final = Body(
    {"v": INTEGER, "key": TEXT_VALUE, "challenge": TEXT_VALUE, "signature": TEXT_VALUE},
    ("v", "key", "challenge", "signature"),
)
CALLS: Final = (
    Call("POST", "/api/v1/workers/invites", "A one-time token for a new worker.", OPERATOR,
         body=Body({"v": INTEGER, "name": TEXT_VALUE, "place": TEXT_VALUE, "latitude": NUMBER, "longitude": NUMBER,
                    "max_rate_pps": INTEGER, "valid_s": INTEGER}, ("v", "name"))),
    Call("POST", "/api/v1/workers/enrol", "A credential in exchange for a token.",
         body=Body({"v": INTEGER, "token": TEXT_VALUE, "key": TEXT_VALUE, "proof": TEXT_VALUE}, ("v",))),
    Call("POST", "/api/v1/workers/challenge", "Something to sign.", body=Body()),
    Call("POST", "/api/v1/workers/renew", "A new credential for a signed challenge.", body=_PROOF),
    Call("POST", "/api/v1/workers/leave", "A worker takes itself off.", body=_PROOF),
    Call("GET", "/api/v1/workers", "All enrolled workers, and the invitations that are open.", OPERATOR),
    Call("GET", "/api/v1/workers/{name}", "One enrolled worker.", OPERATOR),
    Call("DELETE", "/api/v1/workers/{name}", "Forget a worker.", OPERATOR),
    Call("POST", "/api/v1/workers/{name}/run", "Have a worker, or `all`, look for work now.", OPERATOR, body=Body()),
    Call("POST", "/api/v1/workers/{name}/settings", "Set how fast a worker, or `all`, may probe.", OPERATOR,
         body=Body({"v": INTEGER, "rate_pps": INTEGER}, ("v", "rate_pps"))),
    Call("GET", "/push", "Listen as a worker: orders, settings, and when to look for work.", WORKER,
         {"worker": "Who listens"}, answers={200: (EVENTS,)}),
    Call("POST", "/ads", "What workers and managers say of themselves, signed.",
         body=Body({"v": INTEGER, "from": TEXT_VALUE, "ads": OBJECTS}, ("v", "ads"))),
    Call("GET", "/ads", "All that was heard here, for another manager.", MESH),
    Call("GET", "/managers", "The managers that are known here.", WORKER),
    Call("GET", "/broker", "The instance of a service to ask now.",
         query={"service": "Its name, as Consul lists it", "dc": "The datacenter"}),
    Call("*", "/gateway{path}", "A request of a worker that reaches managers alone, passed on; the path has slashes.",
         WORKER, answers={200: (JSON, TEXT), 204: (), 304: ()}),
    Call("GET", "/join", "The script that sets a worker up.", answers={200: ("text/x-shellscript",)}),
    Call("GET", "/archives/{name}", "An archive that workers are installed from.",
         answers={200: ("application/gzip",), 206: ("application/gzip",), 304: (), 416: ()}),
    Call("GET", "/api/v1/fleet", "Who can be probed, and by which addresses.", OPERATOR),
    Call("GET", "/api/v1/routers", "How the routers stand: how soon they follow Consul, and what is wrong.", VIEWER),
    Call("GET", "/api/v1/dyfi", "Names at a provider, and how their updates stand.", VIEWER),
    Call("POST", "/api/v1/dyfi/resume", "Call the provider again: a person has seen to it.", OPERATOR, body=Body()),
)  # fmt: skip
