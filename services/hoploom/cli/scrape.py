"""`hoploom scrape -o FILE`: tells Prometheus what there is to scrape, found in Consul, and keeps the file current.

Prometheus reads it by `file_sd_configs`. Labels are those of its own Consul discovery, which Debian's package was built
without; so a configuration holds for both. Only the datacenter of the agent is asked. While Consul is away the file
stays what it was.
"""

import argparse
import asyncio
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hoploom.cli import screen
from hoploom.kit import credentials
from hoploom.kit.consul_api import ConsulApi, Instance
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.settings import Settings, load
from hoploom.local.mesh import LocalMesh

NAME = "scrape"
HELP = "write what Prometheus has to scrape, found in Consul, and keep the file current (--once: and end)"
EVERY_S = 5.0
_CONSUL = "HOPLOOM_CONSUL_ADDR"
_NO_LABEL = re.compile("[^a-zA-Z0-9_]")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="for file_sd_configs: X.json")
    parser.add_argument("--once", action="store_true", help="write it and end")
    parser.add_argument(
        "--consul-addr", default=os.environ.get(_CONSUL, ""), metavar="URL",
        help=f"a Consul agent, where it is not the local mesh's ({_CONSUL}; token as `hoploom settings kit` says)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write the file; returns when it is done, or never."""
    return asyncio.run(_scrape(args, _settings(args)))


def groups(instances: Iterable[Instance]) -> list[dict[str, Any]]:
    """The document that Prometheus reads: a group for each instance that has a port, in the order of their ids.

    Source: Prometheus, "Configuration": `file_sd_config`, and the labels of `consul_sd_config`.
    """
    found = sorted((each for each in instances if each.port), key=lambda each: each.id)
    return [{"targets": [each.url.removeprefix("http://")], "labels": _labels(each)} for each in found]


def write(path: Path, document: Sequence[Any]) -> bool:
    """Replace the file whole where it says something else; whether it did.

    Raises:
        ConfigError: It cannot be written.
    """
    text = json.dumps(document, indent=1) + "\n"
    try:
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return False
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(text, encoding="utf-8")
        beside.rename(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
    return True


def _labels(instance: Instance) -> dict[str, str]:
    own = {
        "service": instance.service,
        "service_id": instance.id,
        "service_port": str(instance.port),
        "node": instance.node,
        "dc": instance.dc,
        "tags": f",{','.join(instance.tags)},",
        **{f"service_metadata_{_NO_LABEL.sub('_', key)}": value for key, value in instance.meta.items()},
    }
    return {f"__meta_consul_{name}": value for name, value in own.items()}


def _settings(args: argparse.Namespace) -> Settings:
    """Whom to ask, and with which token: as the environment says, or as the local mesh has it."""
    if args.consul_addr:
        return load(Settings, NAME, [f"--consul-addr={args.consul_addr}"])
    places = screen.places(args)
    mesh = LocalMesh(places, screen.say)
    mesh.require_running()
    return replace(
        load(Settings, NAME, []),
        consul_addr=mesh.consul_url,
        consul_token_file=str(places.tokens / "prometheus"),
    )


async def _scrape(args: argparse.Namespace, settings: Settings) -> int:
    # No prefix of names: other teams' services are scraped too.
    consul = ConsulApi(settings.consul_addr, credentials.read(settings.consul_token_file))
    try:
        while True:
            try:
                document = groups(await _instances(consul))
                if write(args.output, document):
                    screen.say("scrape", f"{len(document)} instances in {args.output}")
            except Unavailable as error:
                if args.once:
                    raise
                screen.say_aside("waits", str(error))
            if args.once:
                return 0
            await asyncio.sleep(EVERY_S)
    finally:
        await consul.close()


async def _instances(consul: ConsulApi) -> list[Instance]:
    """Every instance of every service of this datacenter, those that are critical too."""
    found: list[Instance] = []
    for service in await consul.services():
        found += (await consul.instances(service, passing=False))[1]
    return found
