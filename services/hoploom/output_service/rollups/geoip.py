"""Where addresses are, by a file in MaxMind's format. The one module that reads such files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from hoploom.kit.errors import ConfigError
from hoploom.output_service.rollups.places import Located, Locates, Spot

_WHOLE_IPV4: Final = 32
_WHOLE_IPV6: Final = 128
_COUNTRY: Final = re.compile("[A-Z]{2}")


def opened(path: str) -> Locates:
    """Who knows where addresses are, by a file.

    Args:
        path: Of the file; where it is replaced, by renaming: it is mapped into memory.

    Raises:
        ConfigError: It cannot be read, or is no such file.
    """
    import maxminddb  # noqa: PLC0415 - only where a file is named

    try:
        reader = maxminddb.open_database(Path(path).expanduser())
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise ConfigError(f"--geoip-file: {path} cannot be read as a MaxMind-format file: {error}") from error

    def locate(address: str) -> Located:
        try:
            record, prefix = reader.get_with_prefix_len(address)
        except (ValueError, RecursionError, maxminddb.InvalidDatabaseError):
            # Addresses of IPv6 in a file of IPv4, or a damaged record: of this one nothing is known.
            return Located(None, _WHOLE_IPV6 if ":" in address else _WHOLE_IPV4)
        return Located(spot_of(record), prefix)

    return locate


def spot_of(record: Any) -> Spot | None:
    """The place in a record of a file of cities; None where it says none."""
    location = record.get("location") if isinstance(record, dict) else None
    if not isinstance(location, dict):
        return None
    latitude, longitude = _degrees(location.get("latitude"), 90), _degrees(location.get("longitude"), 180)
    if latitude is None or longitude is None:
        return None
    country = record.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else None
    return Spot(code if isinstance(code, str) and _COUNTRY.fullmatch(code) else "", latitude, longitude)


def _degrees(found: object, most: int) -> int | None:
    """Whole degrees; None for what is out of bounds, or is no number (NaN)."""
    return round(found) if isinstance(found, int | float) and -most <= found <= most else None
