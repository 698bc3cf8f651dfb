"""`up --attach`, first half: look at what runs, judge it, and say what is joined. Nothing is changed yet."""

import uuid
from urllib.parse import urlsplit

from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient
from hoploom.kit.names import Names
from hoploom.local import stranger_consul, stranger_fabio, stranger_nomad
from hoploom.local.attached import OWN_DC, Attached
from hoploom.local.mesh import Say
from hoploom.local.stranger import Stranger
from hoploom.local.wishes import Wishes


async def join(http: HttpClient, wishes: Wishes, known: Attached, say: Say) -> Attached:
    """Look at the engines that run on this host.

    Args:
        http: Asks them.
        wishes: Where to look, and with which tokens.
        known: What this mesh joined before; its id goes on.
        say: Told what is joined, and what to know about it.

    Raises:
        ConfigError: Nothing is there to join, or it will not do; with the way out.
    """
    names = Names.apart(wishes.prefix)
    consul = await _consul(http, wishes, names, say)
    fabio = await _fabio(http, wishes, consul.consul, say)
    nomad = await _nomad(http, wishes, say)
    if not (consul.consul or nomad.nomad):
        raise ConfigError("nothing runs here to join: name it by --consul or --nomad, or run `hoploom up` without "
                          "--attach")  # fmt: skip
    return Attached(
        id=known.id or uuid.uuid4().hex,
        prefix=wishes.prefix,
        consul=consul.consul,
        nomad=nomad.nomad,
        fabio=fabio.fabio,
        fabio_admin=fabio.fabio_admin,
        dc=consul.dc,
        consul_acl=consul.consul_acl,
        makes_tokens=consul.makes_tokens,
        nomad_acl=nomad.nomad_acl,
        node=nomad.node,
        node_dc=nomad.node_dc if nomad.nomad else consul.dc,
        node_pool=nomad.node_pool,
    )


async def _consul(http: HttpClient, wishes: Wishes, names: Names, say: Say) -> Attached:
    wish = wishes.consul
    found = await stranger_consul.look(Stranger(http, "Consul", wish), names) if wish.url else None
    if found is None:
        return Attached(dc=OWN_DC)
    acl = "ACLs off" if not found.acl else "ACLs on, a token a service" if found.makes_tokens else "ACLs on, one token"
    say("joined", f"Consul {found.version} at {wish.url}, datacenter {found.dc}, {acl}")
    return Attached(consul=wish.url, dc=found.dc, consul_acl=found.acl, makes_tokens=found.makes_tokens)


async def _nomad(http: HttpClient, wishes: Wishes, say: Say) -> Attached:
    wish = wishes.nomad
    found = await stranger_nomad.look(Stranger(http, "Nomad", wish), wishes.prefix) if wish.url else None
    if found is None:
        return Attached()
    acl = "ACLs on" if found.acl else "ACLs off"
    say("joined", f"Nomad {found.version} at {wish.url}, on its client {found.id[:8]}, {acl}")
    return Attached(nomad=wish.url, nomad_acl=found.acl, node=found.id, node_dc=found.dc, node_pool=found.pool)


async def _fabio(http: HttpClient, wishes: Wishes, consul: str, say: Say) -> Attached:
    if not wishes.fabio.url:
        return Attached()
    if not consul:
        if wishes.fabio.said:
            raise ConfigError("a Fabio can be joined only with the Consul that it reads: name that by --consul")
        return Attached()
    pages = Stranger(http, "Fabio", wishes.fabio_admin)
    found = await stranger_fabio.look(pages, routes_said=wishes.fabio.said, consul=consul)
    if found is None:
        return Attached()
    host = urlsplit(wishes.fabio_admin.url).hostname or "127.0.0.1"
    routes = wishes.fabio.url if wishes.fabio.said else f"http://{f'[{host}]' if ':' in host else host}:{found.proxy}"
    say("joined", f"Fabio {found.version} at {routes}, its routes seen at {wishes.fabio_admin.url}")
    for note in found.notes:
        say("note", note)
    return Attached(fabio=routes, fabio_admin=wishes.fabio_admin.url)
