"""`hoploom ping` and `hoploom trace` without stdin, stdout or stderr, or with a full disk: never a traceback."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from lab.namespace import in_namespace, needs_root

pytestmark = [needs_root, pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full disk")]

COMMAND = 'exec "$0" -c "import sys; from hoploom.cli.main import main; sys.exit(main())" '
FULL = "the output cannot be written: No space left on device"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("ping <&-", 1, ""),
        ("ping -c 1 127.0.0.1 >&-", 0, "xmt/rcv"),
        ("ping -c 1 127.0.0.1 2>&-", 0, "64 bytes"),
        ("ping --json 127.0.0.1 >&-", 0, ""),
        ("ping -c 1 127.0.0.1 >/dev/full", 4, f"hoploom ping: {FULL}"),
        ("ping -c 9 -p 20 127.0.0.1 127.0.0.2 >/dev/full", 4, f"hoploom ping: {FULL}"),
        ("ping --json 127.0.0.1 >/dev/full", 4, f"hoploom ping: {FULL}"),
        ("ping -c 1 nosuch.invalid 127.0.0.1 --ndjson >/dev/full", 4, f"hoploom ping: {FULL}"),
        ("trace 127.0.0.1 >&-", 0, ""),
        ("trace 127.0.0.1 2>&-", 0, "traceroute to"),
        ("trace 127.0.0.1 >/dev/full", 1, f"hoploom trace: {FULL}"),
        ("trace --json 127.0.0.1 >/dev/full", 1, f"hoploom trace: {FULL}"),
    ],
)
def test_what_cannot_be_read_or_written_ends_in_a_sentence_at_most(words: str, code: int, said: str) -> None:
    async def body() -> tuple[int | None, str]:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            "sh", "-c", COMMAND + words, sys.executable, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
        out, err = await asyncio.wait_for(child.communicate(), 60)
        return child.returncode, (out + err).decode()

    ended, told = in_namespace(body)
    assert (ended, "Traceback" in told) == (code, False) and said in told
    assert (FULL not in said) or told == f"{said}\n"
