"""What the worker's owner has set about where and how fast it may probe, read from the settings and the disk."""

from hoploom.kit.errors import ConfigError
from hoploom.ping_service.hiding import MOST
from hoploom.ping_service.orders import Owner
from hoploom.ping_service.settings import Settings
from hoploom.targets.files import parse_argument
from hoploom.targets.ranges import Range
from hoploom.targets.space import by_family


def limits(settings: Settings) -> Owner:
    """The owner's limits.

    Raises:
        ConfigError: An exclusion is not understood or cannot be read; half of them would leave out too little. Or more
            hops are to be hidden than can be.
    """
    if settings.hidden_hops > MOST:
        raise ConfigError(f"hidden_hops: no more than the first {MOST} hops can be hidden, not {settings.hidden_hops}")
    return Owner(
        exclusions(settings.exclude), settings.max_rate_pps, settings.max_network_pps, settings.hidden_hops
    )


def exclusions(text: str) -> dict[int, list[Range]]:
    """Blocks, or files or folders of blocks, separated by commas, as a merged list for each family that occurs.

    Raises:
        ConfigError: One of them is not understood or cannot be read.
    """
    named = [each.strip() for each in text.split(",") if each.strip()]
    try:
        sources = [source for each in named for source in parse_argument(each).sources]
    except ConfigError as error:
        raise ConfigError(f"exclude: {error}") from error
    for source in sources:
        if source.bad_count:
            raise ConfigError(f"exclude: {source.bad_lines[0]} ({source.bad_count} bad lines): put them right.")
    return by_family(block for source in sources for block in source.blocks)
