"""Long copies run beside ingest, and end when the store does."""

import asyncio
import os
import sys
import threading

import pytest

from hoploom.output_service.copying import Copying


@pytest.mark.skipif(sys.platform != "linux", reason="niceness of a thread is Linux's")
async def test_copies_let_others_go_first_and_nobody_else_does() -> None:
    copying = Copying()
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    nice = await copying.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert (nice - before > 0, os.getpriority(os.PRIO_PROCESS, threading.get_native_id())) == (True, before)
    copying.close()


async def test_the_end_waits_for_a_copy_that_gives_up() -> None:
    copying, began = Copying(), threading.Event()

    def copy() -> str:
        began.set()
        while not copying.has_ended:
            pass
        return "given up"

    running = asyncio.ensure_future(copying.run(copy))
    await asyncio.to_thread(began.wait)
    await asyncio.to_thread(copying.close)
    assert await running == "given up"
