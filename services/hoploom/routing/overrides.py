"""Our own key among Fabio's overrides in Consul's KV store: read, checked, and set against the index that was read.

Fabio reads all keys below its path (`registry.consul.kvpath`, /fabio/config) as one text; whoever writes one must not
break the others. Each datacenter has its own store and its own Fabios.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hoploom.kit import retry
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import ConfigError
from hoploom.kit.names import DEFAULT_PREFIX, PLAIN, Names
from hoploom.kit.tag_findings import Finding
from hoploom.routing import commands, editions

KVPATH = "fabio/config"
MAX_BYTES = 256 * 1024
"""Half of what Consul takes."""


@dataclass(frozen=True)
class Text:
    """What our key says.

    Attributes:
        text: Without its mark; empty where there is no such key.
        index: Its modify index; 0 where there is none.
        edition: The route by which a table shows it; empty for a text without a command.
    """

    text: str
    index: int
    edition: str = ""


class Overrides:
    """Our key below Fabio's path, in one datacenter."""

    def __init__(
        self, consul: ConsulApi, kvpath: str = KVPATH, name: str = DEFAULT_PREFIX, dc: str = "", names: Names = PLAIN
    ) -> None:
        """Know where it is.

        Args:
            consul: The agent, by its own names of keys.
            kvpath: Below which Fabio reads, with or without a slash before it.
            name: Of our key there.
            dc: Datacenter; empty for the agent's own.
            names: How our routes are called there.
        """
        self._consul, self.dc = consul, dc
        self.kvpath = kvpath.strip("/")
        self.key, self.path = f"{self.kvpath}/{name}", f"{names.route_prefix}{editions.PATH}"

    async def read(self) -> Text:
        """What our key says now; raises Unavailable."""
        return (await self.all())[0]

    async def others(self) -> list[tuple[str, str]]:
        """Every other key that Fabio reads, with what it says; raises Unavailable."""
        return (await self.all())[1]

    async def all(self) -> tuple[Text, list[tuple[str, str]]]:
        """Ours, and every other that Fabio reads, as they stood at one moment; raises Unavailable."""
        _, found = await self._consul.kv_of(self.dc, self.kvpath)
        texts = {each.key: (each.value.decode("utf-8", "replace"), each.modify_index) for each in found}
        own, index = texts.pop(self.key, ("", 0))
        stands = editions.stored(own)
        return Text(editions.unmarked(own), index, stands), [(key, text) for key, (text, _) in sorted(texts.items())]

    def joined(self, text: str, others: Sequence[tuple[str, str]]) -> str:
        """What Fabio reads, with this text in our key."""
        return commands.joined([*others, (self.key, editions.marked(text, self.path))])

    async def write(self, text: str, index: int) -> bool:
        """Set our key, unless somebody has since it was read.

        Args:
            text: What it is to say; an empty one stays as an empty key, which is nothing to Fabio.
            index: As it was read.

        Returns:
            Whether it was set.

        Raises:
            ConfigError: Fabio would refuse it; nothing was written.
            Unavailable: Consul is away, or the token may not write there.
        """
        check(commands.refused(text), "it")
        body = editions.marked(text, self.path).encode()
        if len(body) > MAX_BYTES:
            raise ConfigError(f"{self.key} would have {len(body):,} bytes, {MAX_BYTES:,} are the most")
        # A write that took effect though nobody said so is refused the second time, and found as it was meant.
        async for attempt in retry.through_an_election():
            with attempt:
                return await self._consul.kv_put_of(self.dc, self.key, body, cas=index)
        raise AssertionError("tenacity ends by an answer or an exception")


def check(findings: Sequence[Finding], what: str) -> None:
    """Raises ConfigError with the first finding, and how many there are; nothing for none."""
    if findings:
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        raise ConfigError(f"{what} is refused: {findings[0]}{more}")
