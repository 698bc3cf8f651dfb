"""`hoploom schema`: how a file of results is built, as SQL that makes an empty one."""

import argparse

from hoploom.results import tables

NAME = "schema"
HELP = "print the tables of results as SQL: `hoploom schema | sqlite3 merged.db` makes a file to merge into"


def add_arguments(_: argparse.ArgumentParser) -> None:
    """It has none."""


def run(_: argparse.Namespace) -> int:
    """Print it."""
    print(script(), end="")
    return 0


def script() -> str:
    """Statements that make an empty file of results, each column with its meaning."""
    made = (*tables.TABLES.values(), tables.BATCHES_BY_KEY, tables.META)
    return "".join(f"{statement};\n" for statement in (*made, f"PRAGMA user_version = {tables.SCHEMA}"))
