"""A call to an engine of somebody else's, and the words for what it refuses."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.http_client import Answer, HttpClient

ASK_S = 5.0
POLICY = "`hoploom up --attach --print-policy` prints the policy that it needs"
FORBIDDEN, _SERVER_ERROR = 403, 500
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class Found(Protocol):
    """Where an engine was looked for."""

    @property
    def url(self) -> str:
        """Its address."""

    @property
    def said(self) -> bool:
        """Whether a person has named it."""

    @property
    def token(self) -> str:
        """Its token."""


class Stranger:
    """An engine of somebody else's: asked, and never told to change what is not ours."""

    def __init__(self, http: HttpClient, name: str, wish: Found) -> None:
        """Know where it is; `name` is as people write it, such as "Consul"."""
        self._http, self.name, self._wish = http, name, wish
        self.url, self.where = wish.url, f"{name} at {wish.url}"
        self._headers: Mapping[str, str] = {f"X-{name}-Token": wish.token} if wish.token else {}

    async def call(self, method: str, path: str, body: Any = None) -> Answer:
        """One call; raises Unavailable where nobody answers."""
        return await self._http.request(
            method, self.url + path, json=body, headers=dict(self._headers), timeout_s=ASK_S
        )

    async def first(self, path: str) -> Answer | None:
        """The first call: None where nobody is there and nobody said that there is.

        Raises:
            ConfigError: Somebody said so, and it does not answer.
        """
        try:
            answer = await self.call("GET", path)
        except Unavailable as error:
            if self._wish.said:
                raise ConfigError(f"{self.where} does not answer ({error}): {self.other()}") from error
            return None
        if answer.status >= _SERVER_ERROR:
            raise ConfigError(f"{self.where} cannot answer now ({answer.reason()}): wait until it has a leader, or "
                              f"{self.other()}")  # fmt: skip
        if not answer.ok and self._wish.said:
            raise ConfigError(f"what answers at {self.url} is no {self.name} ({answer.reason()}): {self.other()}")
        return answer if answer.ok else None

    async def asked(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """The JSON answer.

        Raises:
            ConfigError: It refuses, or does not answer as it should; with the way out.
        """
        try:
            answer = await self.call(method, path, body)
            if answer.ok:
                return answer.json()
        except Unavailable as error:
            raise ConfigError(f"{self.where} does not answer as it should: {error}") from error
        raise ConfigError(f"{self.where} refuses {path} ({answer.reason()}): {self.more_rights()}")

    def more_rights(self) -> str:
        """What helps where a token may not."""
        variable = {"Consul": "CONSUL_HTTP_TOKEN", "Nomad": "NOMAD_TOKEN"}.get(self.name, "")
        given = "give the token more rights" if self._wish.token else f"set {variable}"
        return f"{given}; {POLICY}"

    def no_older_than(self, version: str, least: tuple[int, int, int]) -> None:
        """Raises ConfigError for a version that lacks what we need."""
        found = _VERSION.match(version)
        if found and tuple(int(each) for each in found.groups()) < least:
            wanted = ".".join(map(str, least))
            raise ConfigError(f"{self.where} is {version}, and {wanted} is the oldest that will do: {self.other()}")

    def other(self) -> str:
        """The way out where it cannot be used."""
        return f"name another by --{self.name.lower()}, or start one of our own by --{self.name.lower()} own"
