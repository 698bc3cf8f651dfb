"""Stands in for an output instance towards a collector: lists and serves files of results, and hears confirmations.

What a test changes in it makes it slow, broken or hostile.
"""

import hashlib
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.wire.batch import Batch
from lab.result_files import write

TOKEN = "secret"


class DumpServer:
    """One store behind one address.

    Attributes:
        store: UUID of its store.
        batches: What it has, in its order.
        files: Its closed files, as `/dumps` lists them.
        confirmed: The bodies of all confirmations.
        asked: The path and query of every request for results, and the Range that it asked for.
        spoiled: Bytes that are sent in the place of what a path has, with the right checksum of them.
        cut_after: Transfers are cut off after so many bytes; 0: they are not.
        wrong_sums: How many checksums are wrong from now on.
        refuses: Status of the answer to confirmations.
    """

    def __init__(self, folder: Path, store: str, batches: Sequence[Batch] = ()) -> None:
        """Have these batches, in no closed file."""
        self._folder, self.store, self.batches = folder, store, list(batches)
        self.files: list[dict[str, Any]] = []
        self.confirmed: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.spoiled: dict[str, bytes] = {}
        self.cut_after, self.wrong_sums, self.refuses = 0, 0, 200
        self.server: TestServer | None = None

    async def start(self, consul: FakeConsul | None = None, *, dc: str = "dc1") -> "DumpServer":
        """Listen, and be found."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/dumps", self._list),
                web.get("/dumps/{name}", self._file),
                web.get("/dump", self._part),
                web.post("/api/v1/output/confirmed", self._confirm),
            ]
        )
        self.server = TestServer(app, host="127.0.0.1")
        await self.server.start_server()
        if consul:
            consul.add_instance("output", "127.0.0.1", int(self.server.port or 0), dc=dc, meta={"store": self.store})
        return self

    async def close(self) -> None:
        """Be gone."""
        if self.server:
            await self.server.close()
            self.server = None

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self.server
        return f"http://127.0.0.1:{self.server.port}"

    def close_file(self, upto: int) -> None:
        """Have one more closed file, with everything up to a batch that is in none yet."""
        first = 1 + max((each["last_seq"] for each in self.files), default=0)
        name = f"results-{len(self.files) + 1:06}.db"
        path = write(self._folder / f"{self.store[:4]}-{name}", self.store, self.batches[first - 1 : upto], first)
        content = path.read_bytes()
        rows = sum(len(batch.columns) for batch in self.batches[first - 1 : upto])
        self.files.append({
            "name": name, "first_seq": first, "last_seq": upto, "rows": rows, "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(), "closed_at_us": 1, "pruned": False,
        })

    async def _list(self, request: web.Request) -> web.Response:
        found = {"v": 1, "store": self.store, "last_seq": len(self.batches), "files": self.files}
        at = int(request.query.get("at", 0))
        if 0 < at <= len(self.batches):
            found["at"] = self.batches[at - 1].batch
        return web.json_response(found)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked.append((request.path_qs, request.headers.get("Range", "")))
        content = self.spoiled.get(name) or (self._folder / f"{self.store[:4]}-{name}").read_bytes()
        found = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        first = int(found[1]) if found else 0
        headers = {"X-Store": self.store}
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        return await self._send(request, content[first:], headers, 206 if first else 200)

    async def _part(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path_qs, ""))
        store, _, text = request.query.get("since", ":0").partition(":")
        since = int(text) if store == self.store else 0
        gone = max((each["last_seq"] for each in self.files if each["pruned"]), default=0)
        first, upto = max(since, gone), int(request.query.get("upto", len(self.batches)))
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            path = write(Path(folder) / "part.db", self.store, self.batches[first:upto], first + 1)
            content = self.spoiled.get("part") or path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest() if not self.wrong_sums else "0" * 64
        self.wrong_sums = max(0, self.wrong_sums - 1)
        headers = {"X-Store": self.store, "X-First-Seq": str(first + 1), "X-Last-Seq": str(upto)}
        return await self._send(request, content, {**headers, "X-Content-SHA256": sha256}, 200)

    async def _send(
        self, request: web.Request, content: bytes, headers: dict[str, str], status: int
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = len(content)
        await response.prepare(request)
        if self.cut_after:
            await response.write(content[: self.cut_after])
            assert request.transport
            request.transport.close()
        else:
            await response.write(content)
        return response

    async def _confirm(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.Response(status=401)
        if self.refuses == 200:
            self.confirmed.append(await request.json())
        return web.json_response({"detail": "no"}, status=self.refuses)
