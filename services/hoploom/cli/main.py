"""`hoploom COMMAND`: finds the command's module, runs it, and turns errors into one sentence.

Exit codes: 0 done, 1 failed or degraded, 2 wrong usage or nothing running.
"""

import argparse
import importlib
import keyword
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol, cast

from hoploom import __version__
from hoploom.kit.errors import BadRequest, ConfigError, HoploomError

# Each is a module of this package with HELP, add_arguments(parser) and run(args).
COMMANDS = (
    *("up", "down", "status", "map", "fleet", "campaign", "pause", "resume", "opt-out", "cap", "worker", "user"),
    *("token", "logs", "ui", "engines", "doctor", "new", "run", "bench", "settings", "schema", "dump", "merge"),
    *("export", "import", "query", "collect", "build", "scrape", "dyfi", "route", "deploy"),
)
# Each is a module with HELP and main(words): it takes the options of the tool that it stands in for.
FOREIGN = ("ping", "trace")
FAILED, USAGE = 1, 2


class Parser(argparse.ArgumentParser):
    """An argument parser that speaks in one sentence."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where the help is; exit code 2."""
        print(f"{self.prog}: {message} (see `{self.prog} --help`)", file=sys.stderr)
        sys.exit(USAGE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if words[0] in ("-V", "--version", "version"):
        print(f"hoploom {__version__}")
        return 0
    if words[0] not in (*COMMANDS, *FOREIGN):
        print(f"hoploom: there is no command {words[0]!r} (see `hoploom --help`)", file=sys.stderr)
        return USAGE
    return _run(words[0], words[1:])


def overview() -> str:
    """All commands with a line each."""
    lines = [f"  {name:<10}{_module(name).HELP}" for name in (*COMMANDS, *FOREIGN)]
    return "\n".join(["usage: hoploom COMMAND [options]", "", *lines, "", "`hoploom COMMAND --help` tells more."])


def _module(name: str) -> "_Command":
    stem = f"{name}_" if keyword.iskeyword(name) else name.replace("-", "_")
    module: Any = importlib.import_module(f"hoploom.cli.{stem}")
    return cast(_Command, module)


class _Command(Protocol):
    """What a command module offers: `add_arguments` and `run`, or `main`."""

    HELP: str
    main: Callable[[Sequence[str]], int]
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def _run(name: str, words: list[str]) -> int:
    module = _module(name)
    try:
        return module.main(words) if name in FOREIGN else _parse_and_run(name, module, words)
    except (ConfigError, BadRequest) as error:
        print(f"hoploom: {error}", file=sys.stderr)
        return USAGE
    except HoploomError as error:
        print(f"hoploom: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        sys.stderr.close()
        return FAILED
    except KeyboardInterrupt:
        print("hoploom: stopped", file=sys.stderr)
        return 130


def _parse_and_run(name: str, module: "_Command", words: list[str]) -> int:
    parser = Parser(prog=f"hoploom {name}", description=module.HELP, allow_abbrev=False)
    module.add_arguments(parser)
    return module.run(parser.parse_args(words))
