"""A command that is a noun with a verb behind it: `hoploom worker ls`."""

import argparse
from typing import Any


class _AnyOrder(argparse.ArgumentParser):
    """Takes words behind flags, too: by itself argparse fills all that may be left out before the first flag."""

    _inside = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        # What is called here calls this again, for the flags and then for the words.
        if self._inside:
            return super().parse_known_args(args, namespace)
        self._inside = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._inside = False


class Verbs:
    """The verbs of a noun: each a module with NAME, HELP, add_arguments(parser) and run(args)."""

    def __init__(self, *modules: Any) -> None:
        """Know them, in the order of the help."""
        self._modules: dict[str, Any] = {each.NAME: each for each in modules}

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """A parser for each verb."""
        kind = type("Parser", (_AnyOrder, type(parser)), {})
        verbs: Any = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=kind)
        for name, verb in self._modules.items():
            verb.add_arguments(verbs.add_parser(name, help=verb.HELP, description=verb.HELP, allow_abbrev=False))

    def run(self, args: argparse.Namespace) -> int:
        """Carry the verb out."""
        code: int = self._modules[args.verb].run(args)
        return code
