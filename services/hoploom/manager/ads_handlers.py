"""`POST /ads`, `GET /ads` and `GET /managers`: parse, take in, answer."""

from aiohttp import web

from hoploom import kit
from hoploom.manager.ads_hearing import Hearing
from hoploom.manager.registry import REGISTRY, Registry
from hoploom.trust.attaching import GUARD
from hoploom.wire import ads
from hoploom.wire.ads import MANAGER, MAX_MESSAGE_BYTES, Answer
from hoploom.wire.fields import VERSION

HEARING = web.AppKey("manager_hearing", Hearing)


def routes() -> list[web.RouteDef]:
    """All routes of ads: each looks itself at what it is shown."""
    return [web.post("/ads", take), web.get("/ads", tell), web.get("/managers", managers)]


async def take(request: web.Request) -> web.Response:
    """Ads of a worker, or those that another manager passes on; each shows by itself whose it is."""
    bounded = request.clone(client_max_size=MAX_MESSAGE_BYTES)
    sender, envelopes = ads.read_message(await kit.read_json(bounded))
    heard = await request.app[HEARING].hear(envelopes, sender)
    registry = request.app[REGISTRY]
    answer = Answer(
        # Managers know each other already.
        managers=() if sender else known_urls(registry),
        highest={ad.id: registry.highest(*ad.key) for ad in heard},
        clashes=tuple({ad.id for ad in heard if registry.is_clash(*ad.key)}),
    )
    return web.json_response(answer.to_json())


async def tell(request: web.Request) -> web.Response:
    """All that was heard here, for another manager: workers' credentials are among it."""
    (await request.app[GUARD].caller(request)).must_be_the_mesh()
    return _told(request, [each.to_json() for each in request.app[REGISTRY].snapshot()])


async def managers(request: web.Request) -> web.Response:
    """The managers that are known here, with their ads, for managers and for workers."""
    await request.app[GUARD].caller(request)
    return _told(request, [each.to_json() for each in request.app[REGISTRY].snapshot([MANAGER])])


def known_urls(registry: Registry) -> tuple[str, ...]:
    """Where managers are reached, each address once."""
    return tuple(dict.fromkeys(each.body.urls[0] for each in registry.managers() if each.body.urls))[: ads.MAX_ADS]


def _told(request: web.Request, envelopes: list[dict[str, object]]) -> web.Response:
    listed = [
        {"id": each.id, "urls": list(each.body.urls), "dc": each.body.dc, "version": each.body.version}
        for each in request.app[REGISTRY].managers()
    ]
    return web.json_response({"v": VERSION, "id": kit.me(request).id, "managers": listed, "ads": envelopes})
