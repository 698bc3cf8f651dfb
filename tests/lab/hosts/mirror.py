"""An HTTP server in the lab that has what hosts would fetch from the internet: the engines, as their vendors name them.

The archives are packed from the engines of this machine, so their sums are not the vendors'; SHA256SUMS has theirs.
"""

import functools
import hashlib
import http.server
import shutil
import socket
import threading
import zipfile
from pathlib import Path

from hoploom.engines.provide import found
from hoploom.engines.site import here
from lab.hosts.keeper import Keeper

NAME, PORT = "mirror.lab", 8071
URL = f"http://{NAME}:{PORT}"


class Mirror:
    """The server and its folder.

    Attributes:
        folder: What it serves; a file put there can be fetched at once.
        url: Its address for hosts and for Ansible.
    """

    def __init__(self, folder: Path, keeper: Keeper) -> None:
        """Serve a folder, which need not exist."""
        folder.mkdir()
        self.folder, self.url = folder, URL
        handler = functools.partial(_Quiet, directory=str(folder))
        self._server = keeper.within(lambda: _Server(("::", PORT), handler))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def add_engines(self) -> None:
        """Pack Consul, Nomad and Fabio of this machine, and write SHA256SUMS."""
        site = here()
        for each in found():
            if each.engine is None:
                continue
            pin, path = site.pins[each.engine.name], each.engine.path
            url = pin.archive_url(site.platform)
            if url is None:
                shutil.copyfile(path, self.folder / f"{pin.name}-{pin.version}-{site.platform}")
                continue
            # Stored: packing half a gigabyte well would take longer than booting the hosts.
            with zipfile.ZipFile(self.folder / url.rpartition("/")[2], "w", zipfile.ZIP_STORED) as archive:
                archive.write(path, pin.name)
        self.sum_up()

    def sum_up(self) -> None:
        """Write SHA256SUMS of what is in the folder."""
        files = sorted(path for path in self.folder.iterdir() if path.is_file() and path.name != "SHA256SUMS")
        lines = [f"{_sha256(path)}  {path.name}\n" for path in files]
        (self.folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
