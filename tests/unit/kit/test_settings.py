"""Settings: which source wins, and every problem in one report."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from hoploom import kit
from hoploom.kit.errors import ConfigError
from hoploom.kit.settings import describe, load, setting


@dataclass(frozen=True)
class Shop(kit.Settings):
    """A shop."""

    shelf: Path = setting(Path("shelf"), "Folder of goods.")
    rate: float = setting(1.5, "Sales.", unit="per second", more="More costs 100 % more.")
    workers: int = setting(2, "Hands.")
    open: bool = setting(True, "Whether customers may enter.")


SOURCES = [
    ("the default when nobody says otherwise", [], {}, "", 2),
    ("the file beats the default", [], {}, "workers: 3", 3),
    ("the program's section beats the file's plain lines", [], {}, "workers: 3\nshop: {workers: 4}", 4),
    ("dashes in the file are underscores", [], {}, "shop: {log-level: info, workers: 5}", 5),
    ("another program's section is not ours", [], {}, "other: {workers: 9, foreign: 1}", 2),
    ("an empty line of the file says nothing", [], {}, "workers:", 2),
    ("the environment beats the file", [], {"HOPLOOM_WORKERS": "6"}, "workers: 3", 6),
    ("an empty variable says nothing", [], {"HOPLOOM_WORKERS": ""}, "workers: 3", 3),
    ("a flag beats the environment", ["--workers", "7"], {"HOPLOOM_WORKERS": "6"}, "workers: 3", 7),
]


@pytest.mark.parametrize(("what", "argv", "environ", "file", "workers"), SOURCES, ids=[each[0] for each in SOURCES])
def test_precedence(
    what: str, argv: list[str], environ: dict[str, str], file: str, workers: int, tmp_path: Path
) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text(file)
    assert load(Shop, "shop", [*argv, "--config", str(config)], environ).workers == workers, what


def test_the_file_may_be_named_with_one_dash(tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text("rate: 2")
    assert load(Shop, "shop", ["-config", str(config)], {}).rate == 2.0


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text("rate: 2")
    assert load(Shop, "shop", [], {"HOPLOOM_CONFIG": str(config)}).rate == 2.0


VALUES = [
    ("PORT is another name of the port", {"PORT": "8080"}, "port", 8080),
    ("our own name beats PORT", {"PORT": "8080", "HOPLOOM_PORT": "8081"}, "port", 8081),
    ("yes is true", {"HOPLOOM_OPEN": "Yes"}, "open", True),
    ("off is false", {"HOPLOOM_OPEN": "off"}, "open", False),
    ("a folder is a path", {"HOPLOOM_SHELF": "/srv/shelf"}, "shelf", Path("/srv/shelf")),
]


@pytest.mark.parametrize(("what", "environ", "name", "value"), VALUES, ids=[each[0] for each in VALUES])
def test_values(what: str, environ: dict[str, str], name: str, value: object) -> None:
    assert getattr(load(Shop, "shop", [], environ), name) == value, what


WRONG = [
    ("a word for a number", ["--workers", "many"], "--workers: must be a whole number, not 'many'"),
    ("a fraction for a whole number", ["--workers", "1.5"], "--workers: must be a whole number"),
    ("no number that a machine can wait", ["--rate", "inf"], "--rate: must be a number from 0 up"),
    ("not a number", ["--drain-s", "nan"], "--drain-s: must be a number from 0 up"),
    ("below zero", ["--workers", "-1"], "--workers: must be a number from 0 up"),
    ("a port beyond the last", ["--port", "65536"], "--port: must be a port from 0 to 65535"),
    ("neither true nor false", ["--open", "maybe"], "--open: must be true or false, not 'maybe'"),
    ("an unknown flag", ["--wrokers", "3"], "--wrokers: no such flag"),
    ("half a flag is no flag", ["--work", "3"], "--work: no such flag"),
    ("a flag without its value", ["--workers"], "argument --workers: expected one argument"),
    ("a file that is not there", ["--config", "/nonexistent/shop.yaml"], "/nonexistent/shop.yaml: No such file"),
]


@pytest.mark.parametrize(("what", "argv", "sentence"), WRONG, ids=[each[0] for each in WRONG])
def test_wrong_values_are_said_with_the_way_out(what: str, argv: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Shop, "shop", argv, {})
    assert sentence in str(caught.value), what
    assert "shop --help" in str(caught.value)


FILES = [
    ("no YAML", b"a: [", "not YAML"),
    ("bytes that are no text", b"\xff\xfe\xfa", "not YAML"),
    ("a list", b"- 1", "must hold `name: value` lines"),
    ("an unknown name", b"wrokers: 3", "wrokers: no such setting"),
    ("a list for one value", b"dc: [a, b]", "dc: must be one value, not a list: put commas between several"),
]


@pytest.mark.parametrize(("what", "content", "sentence"), FILES, ids=[each[0] for each in FILES])
def test_wrong_files_are_said(what: str, content: bytes, sentence: str, tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_bytes(content)
    with pytest.raises(ConfigError, match=r"shop\.yaml|dc:") as caught:
        load(Shop, "shop", ["--config", str(config)], {})
    assert sentence in str(caught.value), what


def test_all_problems_come_in_one_report(tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text("wrokers: 3")
    with pytest.raises(ConfigError) as caught:
        load(Shop, "shop", ["--rate", "fast", "--colour", "red", "--config", str(config)], {"PORT": "http"})
    parts = ("--rate: must be", "--colour: no such flag", "PORT: must be a whole number", "wrokers: no such setting")
    for part in parts:
        assert part in str(caught.value)


def test_every_setting_is_described_with_flag_variable_default_unit_and_cost() -> None:
    rows = {row[0]: row for row in describe(Shop)}
    assert rows["--rate"] == (
        "--rate", "HOPLOOM_RATE", "1.5", "Sales. Unit: per second. More costs 100 % more."
    )
    assert rows["--port"][1] == "HOPLOOM_PORT, PORT"


def test_help_shows_every_flag_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load(Shop, "shop", ["--help"], {})
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "--workers VALUE" in text
    assert "100 % more" in " ".join(text.split())
