"""Bearer tokens: who passes, who does not, and what is said."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from hoploom.kit import credentials
from hoploom.kit.errors import BadRequest, ConfigError, Forbidden, Unauthorized

PASS = [("the right token", "Bearer s3cret"), ("the scheme in small letters", "bearer s3cret")]
REFUSED: list[tuple[str, str | None, str, type[BadRequest]]] = [
    ("no header", None, "s3cret", Unauthorized),
    ("a wrong token", "Bearer other", "s3cret", Unauthorized),
    ("the beginning of the token", "Bearer s3cre", "s3cret", Unauthorized),
    ("another scheme", "Basic s3cret", "s3cret", Unauthorized),
    ("the token alone", "s3cret", "s3cret", Unauthorized),
    ("an umlaut", "Bearer sécret", "s3cret", Unauthorized),
    ("bytes that are no UTF-8", "Bearer \udcff", "s3cret", Unauthorized),
    ("an instance without a token refuses everybody", "Bearer ", "", Forbidden),
]


@pytest.mark.parametrize(("what", "sent"), PASS, ids=[each[0] for each in PASS])
def test_lets_pass(what: str, sent: str) -> None:
    credentials.require(make_mocked_request("GET", "/", headers={"Authorization": sent}), "s3cret")


@pytest.mark.parametrize(("what", "sent", "token", "error"), REFUSED, ids=[each[0] for each in REFUSED])
def test_refuses(what: str, sent: str | None, token: str, error: type[BadRequest]) -> None:
    headers = CIMultiDict({} if sent is None else {"Authorization": sent})
    # No mocked request: aiohttp's cannot hold the bytes that its parser hands on.
    request = cast(web.Request, SimpleNamespace(headers=headers))
    with pytest.raises(error):
        credentials.require(request, token)


def test_the_header_passes_its_own_check() -> None:
    credentials.require(make_mocked_request("GET", "/", headers=credentials.header("s3cret")), "s3cret")
    assert credentials.header("") == {}


def test_a_token_file_is_read_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    assert credentials.read(str(tmp_path / "token")) == "s3cret"
    assert credentials.read("") == ""


WRONG = [
    ("is not there", None, "cannot read the token file"),
    ("is empty", b"\n", "is empty"),
    ("holds no text", b"\xff\xfe", "holds no text"),
]


@pytest.mark.parametrize(("what", "content", "sentence"), WRONG, ids=[each[0] for each in WRONG])
def test_a_token_file_that(what: str, content: bytes | None, sentence: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigError, match=sentence):
        credentials.read(str(tmp_path / "token"))
