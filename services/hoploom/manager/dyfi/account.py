"""What the settings say about the names and the provider, checked before anything runs."""

import re
from dataclasses import dataclass, field

from yarl import URL

from hoploom import __version__
from hoploom.kit import credentials
from hoploom.kit.errors import ConfigError
from hoploom.manager.settings import Settings

_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
MOST_NAMES = 20
"""What DynDNS2 takes in one request."""


@dataclass(frozen=True)
class Account:
    """An account at a provider, and its names that are to point here.

    Attributes:
        names: The names; empty where none are kept.
        user: Who asks.
        password: Its password.
        url: Where the provider takes updates.
        address_url: Where the own address is asked for; None for nowhere.
        agent: How this program presents itself: name, version, and who answers for it.
    """

    names: tuple[str, ...] = ()
    user: str = ""
    password: str = field(default="", repr=False)
    url: URL = field(default_factory=URL)
    address_url: URL | None = None
    agent: str = ""


def account(settings: Settings) -> Account:
    """The account that the settings name.

    Raises:
        ConfigError: One sentence that says what is wrong.
    """
    names = tuple(dict.fromkeys(each.strip().lower().rstrip(".") for each in settings.dyfi_hosts.split(",")))
    if names == ("",):
        return Account()
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if wrong:
        raise ConfigError(f"dyfi_hosts: {wrong[0]!r} is no full host name such as home.dy.fi")
    if len(names) > MOST_NAMES:
        raise ConfigError(f"dyfi_hosts: {len(names)} names, a provider takes {MOST_NAMES} in one request")
    contact = settings.dyfi_contact or settings.dyfi_user
    return Account(
        names,
        _plain("dyfi_user", settings.dyfi_user),
        _password(settings.dyfi_password_file),
        _url("dyfi_url", settings.dyfi_url),
        _url("dyfi_address_url", settings.dyfi_address_url) if settings.dyfi_address_url else None,
        f"hoploom/{__version__} ({_plain('dyfi_contact', contact)})",
    )


def _password(path: str) -> str:
    password = credentials.read(path)
    if not password:
        raise ConfigError("dyfi_hosts names hosts: dyfi_password_file must name the file with the account's password")
    return password


def _plain(name: str, text: str) -> str:
    # It becomes a part of a header.
    if not text or not text.isprintable() or not text.isascii() or (":" in text and name == "dyfi_user"):
        raise ConfigError(f"{name}: must be plain ASCII without line ends, and not empty, where dyfi_hosts names hosts")
    return text


def _url(name: str, text: str) -> URL:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    safe = url.scheme == "https" or (url.scheme == "http" and (name != "dyfi_url" or url.host in _LOOPBACK))
    if not safe or not url.host or url.user:
        raise ConfigError(f"{name}: {text[:80]!r} is no https URL (the password must not travel in the clear)")
    return url
