"""`hoploom route`: what words mean, and what is refused before anybody is asked."""

import io
from pathlib import Path

import pytest

from hoploom.cli import main


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path))
    for name in ("CONSUL_HTTP_ADDR", "CONSUL_HTTP_TOKEN", "HOPLOOM_MESH"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["weight", "orders"], "name a service, a tag and a share"),
        (["weight", "orders", "1.4.1"], "name a service, a tag and a share"),
        (["weight", "orders", "1.4.1", "1.1"], "from 0 to 1"),
        (["weight", "orders", "1.4.1", "110%"], "from 0 to 1"),
        (["weight", "orders", "1.4.1", "nan"], "from 0 to 1"),
        (["weight", "orders", "1.4.1", "ten"], "from 0 to 1"),
        (["weight", "orders", "1.4.1", "0.1", "--instances", "-1"], "1 at least"),
        (["weight", "orders", "1.4.1", "0.1", "--instances", "0"], "1 at least"),
        (["weight", "orders", "1.4.1", "--clear"], "leave 1.4.1 out: hoploom route weight orders --clear"),
        (["weight", "orders", "--clear", "extra", "words"], "leave extra words out"),
        (["weight", "orders", "--clear", "--src", "/o", "--instances", "2"], "leave --src /o --instances out"),
        (["weight", "orders", "--plan", "1.4.1", "10%"], "no mesh 'demo' is running"),
        (["weight", "orders", "--clear"], "no mesh 'demo' is running"),
        (["show"], "no mesh 'demo' is running"),
        (["show", "--fabio", "http://127.0.0.1:1"], "name its Consul too"),
        (["show", "--consul", "ftp://x"], "the Consul address must be like"),
        (["show", "--consul", "http://127.0.0.1:1", "--fabio", "ftp://x"], "the pages of a Fabio are like"),
        (["show", "--consul", "http://[x"], "the Consul address must be like"),
        (["show", "--consul", "127.0.0.1:99999"], "the Consul address must be like"),
        (["show", "--consul", "http://127.0.0.1:1", "--fabio", "http://[x"], "the pages of a Fabio are like"),
        (["lint"], "no mesh 'demo' is running"),
        (["lint", "/no/such/file"], "cannot be read"),
        (["lint", "x", "--tags", "/x"], "one of them at a time"),
        (["lint", "--key", "x"], "name a FILE"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_exit_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["route", *words]) == 2
    found = capsys.readouterr()
    assert said in found.err
    assert found.err.count("\n") == 1
    assert not found.out


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ('route weight orders /orders weight 0.1 tags "1.4.1"\n', 0, "0 errors, 0 warnings"),
        ("route weight orders /orders weight 2\n", 1, "line 1: the weight 2 is over 1"),
        ("nonsense\n", 1, "line 1: it does not begin with"),
        ("route add a /a http://1:1/ weight -1\n", 0, "0 errors, 1 warning\n"),
    ],
)
def test_commands_are_judged_from_a_file_and_from_stdin(
    text: str, code: int, said: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    file = tmp_path / "routes"
    file.write_text(text, encoding="ascii")
    assert main.main(["route", "lint", str(file)]) == code
    assert said in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main.main(["route", "lint", "-"]) == code
    assert said in capsys.readouterr().out


def test_what_is_no_text_or_too_long_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "routes"
    for content, said in ((b"\xff\xfe", "no text in UTF-8"), (b"#" * 600_000, "Consul takes no such value")):
        file.write_bytes(content)
        assert main.main(["route", "lint", str(file)]) == 2
        assert said in capsys.readouterr().err


def test_tags_are_judged_with_the_prefix_or_without(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["route", "lint", "--tags", "/x stripp=/x"]) == 1
    assert "did you mean strip=" in capsys.readouterr().out
    assert main.main(["route", "lint", "--tags", "urlprefix-/x strip=/x"]) == 0
