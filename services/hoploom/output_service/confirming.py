"""Takes word from collectors of how far their data sets have this store."""

from aiohttp import web

from hoploom import kit
from hoploom.kit.errors import BadRequest, Unauthorized
from hoploom.output_service import confirmations
from hoploom.output_service.dumps import ARCHIVE
from hoploom.output_service.handlers import STORE, TOKEN
from hoploom.trust import people

OPERATOR = web.AppKey("output_operator_token", str)
ROUTE = "/api/v1/output/confirmed"
MAX_BODY_BYTES = 4096


async def post_confirmed(request: web.Request) -> web.Response:
    """A data set has every batch of this store up to `upto`; files go when all that the policy names have them."""
    _require_collector(request)
    if request.content_length is None or request.content_length > MAX_BODY_BYTES:
        raise BadRequest(f"a confirmation has a Content-Length of at most {MAX_BODY_BYTES}")
    store, document = request.app[STORE], await kit.read_json(request)
    said = confirmations.parsed(document, store.uuid, await store.last_seq())
    taken = await request.app[ARCHIVE].confirm(said)
    return web.json_response({"v": 1, "data_set": taken.name, "store": store.uuid, "upto": taken.upto})


def _require_collector(request: web.Request) -> None:
    """Workers' and operators' tokens are good for it: both know what the mesh has stored already."""
    try:
        kit.credentials.require(request, request.app[TOKEN])
    except Unauthorized:
        if not request.app[OPERATOR] and people.shown(request) is None:
            raise
        people.steers(request, request.app[OPERATOR])
