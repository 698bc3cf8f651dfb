"""Serves the script at /join and the archives at /archives: anybody may read both, since they hold no secret."""

import asyncio
import logging
from pathlib import Path

import jinja2
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from hoploom import __version__, kit
from hoploom.kit.errors import NotFound, Unavailable
from hoploom.manager import access
from hoploom.manager.joining import script
from hoploom.manager.joining.archives import Folder, offered
from hoploom.manager.settings import Settings

log = logging.getLogger(__name__)
TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
MOST_DOWNLOADS = 8
"""Thirty megabytes each; who comes later is asked to come again."""

LONGEST_S = 900.0
"""At 35 kB/s an archive has come by then; whoever takes nothing must not hold a place for ever."""

_PLAIN = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'"}


class _Download(web.FileResponse):
    """An archive on its way, which counts for as long as it is being sent."""

    def __init__(self, path: Path, downloads: asyncio.Semaphore) -> None:
        super().__init__(path, headers={"Content-Type": "application/gzip"})
        self._downloads = downloads

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        try:
            async with self._downloads, asyncio.timeout(LONGEST_S):
                return await super().prepare(request)
        except TimeoutError:
            log.warning("somebody takes longer than %s s for an archive: cut off", LONGEST_S)
            if request.transport is not None:
                request.transport.abort()
            return None


class Joining:
    """The two pages."""

    def __init__(self, settings: Settings) -> None:
        """Know where the archives are."""
        self._settings = settings
        self._folder = Folder(Path(settings.archive_dir)) if settings.archive_dir else None
        self._scripts = script.templates(jinja2.FileSystemLoader(TEMPLATES))
        self._downloads = asyncio.Semaphore(MOST_DOWNLOADS)

    async def join(self, request: web.Request) -> web.Response:
        """The script; where there is no archive, one that says so."""
        offer = await asyncio.to_thread(self._offer, self._url(request))
        text = script.render(self._scripts, offer)
        return web.Response(text=text, content_type="text/x-shellscript", headers=_PLAIN)

    async def archive(self, request: web.Request) -> web.StreamResponse:
        """One archive.

        Raises:
            NotFound: There is no such one.
            Unavailable: Enough are being sent.
        """
        name = request.match_info["name"]
        path = await asyncio.to_thread(self._folder.file, name) if self._folder else None
        if path is None:
            raise NotFound("there is no such archive")
        if self._downloads.locked():
            raise Unavailable("archives are being sent to others: try again", retry_after_s=10)
        return _Download(path, self._downloads)

    def _url(self, request: web.Request) -> str:
        told = self._settings.urls.partition(",")[0].strip().rstrip("/")
        scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
        return told or script.address(scheme, request.host, kit.mesh(request).settings.route_prefix)

    def _offer(self, url: str) -> script.Offer:
        folder = self._folder
        if folder is None:
            return script.Offer(url, (), "")
        return script.Offer(url, offered(folder.archives(), __version__), str(folder.path), folder.authority())


def attach(app: web.Application, settings: Settings) -> None:
    """Add both pages to a manager."""
    joining = Joining(settings)
    access.add(app, [web.get("/join", joining.join), web.get("/archives/{name}", joining.archive)], None)
