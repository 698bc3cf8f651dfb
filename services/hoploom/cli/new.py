"""`hoploom new NAME`: writes a service on the kit, its Nomad job, its tests, and how to run and deploy it."""

import argparse
import re
from pathlib import Path

import jinja2

from hoploom.cli import screen
from hoploom.kit.errors import ConfigError

NAME = "new"
HELP = "write a service of your own: NAME/service.py, its Nomad job, its tests and its README"
TEMPLATES = Path(__file__).with_name("new_templates")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
# Template to file name, with the service's name for {name}.
FILES = {
    "service.py.j2": "service.py",
    "job.nomad.hcl.j2": "{name}.nomad.hcl",
    "test_service.py.j2": "test_service.py",
    "README.md.j2": "README.md",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("name", metavar="NAME", help="name of the service, and of the folder that is made here")


def run(args: argparse.Namespace) -> int:
    """Write the files; nothing that exists is touched."""
    if not _NAME.fullmatch(args.name):
        raise ConfigError(f"a service is named by lower-case letters, digits and dashes, not {args.name!r}")
    folder = Path(args.name)
    try:
        folder.mkdir()
    except FileExistsError:
        raise ConfigError(f"{folder} exists already; nothing was written") from None
    except OSError as error:
        raise ConfigError(f"cannot make {folder}: {error.strerror}") from error
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        variable_start_string="<<",
        variable_end_string=">>",
    )
    for template, target in FILES.items():
        path = folder / target.format(name=args.name)
        path.write_text(templates.get_template(template).render(name=args.name), encoding="utf-8")
        screen.say("wrote", str(path))
    screen.say("next", f"pytest {folder}   then: hoploom up --only engines --detach && "
                       f"hoploom run {folder}/{args.name}.nomad.hcl   and: {folder}/README.md")  # fmt: skip
    return 0
