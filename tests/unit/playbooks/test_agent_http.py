"""`ansible/module_utils/agent_http.py`: calls of Consul's and Nomad's agents."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from playbook_plugins import load

MODULE = load("module_utils/agent_http.py")


@contextmanager
def agent(answers: list[int]) -> Iterator[tuple[str, list[str]]]:
    """One that answers with these statuses in turn, the last one for ever; its URL, and what it was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            status = answers[min(len(asked), len(answers) - 1)]
            asked.append(f"{self.command} {self.path} {self.headers['X-Nomad-Token']}")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'"well"' if status == 200 else b"no leader\n")

        do_GET = do_PUT = _answer

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets how long a read is asked again."""
    monkeypatch.setattr(MODULE, "_PAUSE_S", 0.001)
    return lambda patience_s: monkeypatch.setattr(MODULE, "PATIENCE_S", patience_s)


def test_a_read_is_asked_again_while_there_is_no_leader(hurried: Callable[[float], None]) -> None:
    hurried(60)
    with agent([500, 503, 200]) as (url, asked):
        assert MODULE.Nomad(url, "t").call("GET", "/v1/jobs") == "well"
    assert asked == ["GET /v1/jobs t"] * 3


def test_a_read_that_nobody_can_answer_is_refused_in_the_end(hurried: Callable[[float], None]) -> None:
    hurried(0.05)
    with agent([500]) as (url, asked), pytest.raises(MODULE.Refused, match="GET /v1/jobs: no leader") as refused:
        MODULE.Nomad(url, "t").call("GET", "/v1/jobs")
    assert refused.value.status == 500
    assert len(asked) > 1


@pytest.mark.parametrize(("method", "status"), [("PUT", 500), ("GET", 403), ("GET", 404)])
def test_what_changes_something_or_is_refused_is_asked_once(
    hurried: Callable[[float], None], method: str, status: int
) -> None:
    hurried(60)
    with agent([status]) as (url, asked), pytest.raises(MODULE.Refused):
        MODULE.Nomad(url, "t").call(method, "/v1/jobs", {})
    assert len(asked) == 1
