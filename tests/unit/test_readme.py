"""The README's settings table and command list are those of the code."""

from pathlib import Path

from hoploom.cli import main, settings

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_settings_table_is_what_the_code_says() -> None:
    between = README.partition("<!-- settings: made by `hoploom settings kit` -->\n")[2].partition("<!-- end")[0]
    assert between == settings.table("kit") + "\n"


def test_every_command_is_named() -> None:
    assert [name for name in (*main.COMMANDS, *main.FOREIGN) if f"`{name}" not in README] == []
