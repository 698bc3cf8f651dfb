"""The Consul that a person names, by flags or as Consul's own command reads its environment.

Source: Consul's manual, "Commands (CLI)", "Environment Variables".
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass

from hoploom.kit import credentials


@dataclass(frozen=True)
class Given:
    """What was named.

    Attributes:
        address: URL of the agent; empty for none.
        token: Of the person; empty for none.
        ca_file: Certificates that an https address is checked by; empty for those of the system.
    """

    address: str = ""
    token: str = ""
    ca_file: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that go with a Consul's address."""
    parser.add_argument("--consul-token-file", default="", metavar="FILE", help="its token (CONSUL_HTTP_TOKEN)")
    parser.add_argument("--consul-ca-file", default="", metavar="FILE", help="certificates that an https address of "
                        "Consul is checked by (CONSUL_CACERT)")  # fmt: skip


def given(
    environ: Mapping[str, str], address: str | None, token_file: str | None, ca_file: str | None = None
) -> Given:
    """Put flags, which win, and environment together.

    Raises:
        ConfigError: The token's file cannot be read, or is empty.
    """
    is_secure = not address and environ.get("CONSUL_HTTP_SSL", "").lower() in ("1", "true")
    meant = address or environ.get("CONSUL_HTTP_ADDR", "")
    if meant and "://" not in meant:
        meant = f"http{'s' if is_secure else ''}://{meant}"
    token = "" if token_file else environ.get("CONSUL_HTTP_TOKEN", "")
    token = token or credentials.read(token_file or environ.get("CONSUL_HTTP_TOKEN_FILE", ""))
    return Given(meant, token, ca_file or environ.get("CONSUL_CACERT", ""))
