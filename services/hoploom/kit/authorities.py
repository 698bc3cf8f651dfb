"""Whose certificates are believed."""

import ssl

from hoploom.kit.errors import ConfigError


def trusted(ca_file: str) -> ssl.SSLContext | bool:
    """What aiohttp takes as `ssl`: the certificates of a file and no others, or those of the system for no file.

    Raises:
        ConfigError: The file cannot be read, or holds no certificate.
    """
    if not ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        # Also what OpenSSL objects to.
        raise ConfigError(f"{ca_file} is no file of certificates (PEM): {error.strerror or error}") from error
