"""Where the templates and job files are: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

from hoploom.kit.errors import ConfigError

FOLDERS = ("consul", "fabio", "nomad")


def deploy_root() -> Path:
    """The folder that holds consul/, fabio/ and nomad/.

    Raises:
        ConfigError: Neither place has them.
    """
    package = Path(__file__).resolve().parents[1]
    for root in (package / "_deploy", package.parents[1]):
        if all((root / folder).is_dir() for folder in FOLDERS):
            return root
    raise ConfigError(f"the deploy files of hoploom are missing beside {package}; install the package again")
