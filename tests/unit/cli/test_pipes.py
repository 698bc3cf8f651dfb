"""A command whose output nobody reads ends silently."""

import signal
import subprocess
import sys

from hoploom.cli.pipes import ends_with_its_reader

SCRIPT = """
from hoploom.cli.pipes import ends_with_its_reader
with ends_with_its_reader():
    while True:
        print("line", flush=True)
"""


def test_a_closed_pipe_ends_the_process_without_a_word() -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stderr is not None
        assert child.stdout.readline() == b"line\n"
        child.stdout.close()
        assert child.wait(10) == -signal.SIGPIPE
        assert child.stderr.read() == b""


def test_afterwards_all_is_as_before() -> None:
    before = signal.getsignal(signal.SIGPIPE)
    with ends_with_its_reader():
        assert signal.getsignal(signal.SIGPIPE) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGPIPE) is before
