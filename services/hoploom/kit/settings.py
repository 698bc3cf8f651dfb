"""Settings: one frozen dataclass a service, read once, in one place.

This module alone reads flags, the environment and the configuration file. A flag beats `HOPLOOM_*`, which beats the
YAML file (`--config`, also spelled `-config`), which beats the default. Every wrong value is reported, all in one go.
The README's table is made from the same fields (`describe`).
"""

import argparse
import dataclasses
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from hoploom.kit.errors import ConfigError

S = TypeVar("S", bound="Settings")
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
_LAST_PORT = 65535


def setting(default: Any, meaning: str, *, unit: str = "", more: str = "", env: tuple[str, ...] = ()) -> Any:
    """Declare one field of a settings class.

    Args:
        default: Its value when nobody says otherwise; its type is the field's type.
        meaning: One sentence that says what it is.
        unit: The unit of the value, such as "seconds"; empty for none.
        more: What a larger or smaller value costs.
        env: Further environment names besides `HOPLOOM_<NAME>`, for instance `PORT`.
    """
    return field(default=default, metadata={"meaning": meaning, "unit": unit, "more": more, "env": env})


@dataclass(frozen=True)
class Settings:
    """What every service of the mesh needs to know; services derive their own class from it."""

    host: str = setting("127.0.0.1", "Address to listen on.", more="0.0.0.0 opens the service to the network.")
    port: int = setting(0, "Port to listen on; 0 takes a free one.", env=("PORT",))
    health_port: int = setting(0, "Second port with /health, /ready and /metrics only; 0 opens none.")
    advertise: str = setting("", "Address that others reach this instance by; empty means the host.")
    dc: str = setting("dc1", "Datacenter that this instance runs in.")
    home_dc: str = setting(
        "", "Datacenter whose pause, opt-outs and roles of the whole mesh hold in all of them; empty means its own."
    )
    version_tag: str = setting("", "Version put among the Consul tags, for canary weights; empty means the package's.")
    consul_addr: str = setting("http://127.0.0.1:8500", "The local Consul agent's HTTP address.")
    consul_token_file: str = setting("", "File with the Consul ACL token of this service; empty sends none.")
    prefix: str = setting("hoploom", "First part of every key of the mesh in Consul's KV store.")
    service_prefix: str = setting(
        "", "Put before the name of every service of the mesh in Consul, such as `hoploom-`, among others' services."
    )
    route_prefix: str = setting(
        "", "Put before the path of every route in Fabio, such as `/hoploom`, among others' routes; Fabio strips it."
    )
    roles_prefix: str = setting("hoploom/roles/", "Where the locks of roles are kept in Consul's KV store.")
    fabio_addr: str = setting("http://127.0.0.1:9999", "Fabio's address, for calls that go through the mesh's edge.")
    operator_token_file: str = setting("", "File with the token that may change the mesh (campaigns, pause).")
    worker_token_file: str = setting("", "File with the token that may take leases and submit results.")
    check_interval_s: float = setting(
        1.0, "Time between two health checks.", unit="seconds", more="Less finds a dead instance sooner, and costs CPU."
    )
    drain_s: float = setting(
        10.0,
        "Longest wait for requests in flight when stopping.",
        unit="seconds",
        more="The scheduler's kill time-out has to be longer by 10 seconds.",
    )
    log_level: str = setting("info", "Least level that is logged: debug, info, warning or error.")
    log_format: str = setting("auto", "text, json, or auto: text on a terminal and JSON lines elsewhere.")


def load(
    cls: type[S], program: str, argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None
) -> S:
    """Read the settings of one program.

    Args:
        cls: The settings class, `Settings` or derived from it.
        program: Name shown in the help and looked up as a section of the configuration file.
        argv: Flags without the program's name; None means those of this process.
        environ: Environment; None means that of this process.

    Raises:
        ConfigError: One sentence that lists every problem.
    """
    flags, problems = _parse(cls, program, sys.argv[1:] if argv is None else argv)
    environ = os.environ if environ is None else environ
    config = flags.pop("config") or environ.get("HOPLOOM_CONFIG")
    from_file = _read_file(Path(config), program, cls, problems) if config else {}
    values: dict[str, Any] = {}
    for each in dataclasses.fields(cls):
        given = _given(each, flags, environ, from_file)
        if given is None:
            continue
        origin, raw = given
        try:
            values[each.name] = _sensible(each.name, _convert(raw, each.default))
        except ValueError as error:
            problems.append(f"{origin}: {error}")
    if problems:
        raise ConfigError(f"{program}: " + "; ".join(problems) + f" (see `{program} --help`)")
    return cls(**values)


def describe(cls: type[Settings]) -> list[tuple[str, str, str, str]]:
    """Rows of the settings table: flag, environment name, default, meaning with unit and cost."""
    rows = []
    for each in dataclasses.fields(cls):
        about = each.metadata
        unit = f" Unit: {about['unit']}." if about["unit"] else ""
        meaning = f"{about['meaning']}{unit} {about['more']}".strip()
        names = [f"HOPLOOM_{each.name.upper()}", *about["env"]]
        rows.append((_flag(each.name), ", ".join(names), str(each.default), meaning))
    return rows


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{self.prog}: {message} (see `{self.prog} --help`)")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _parse(cls: type[Settings], program: str, argv: Sequence[str]) -> tuple[dict[str, str | None], list[str]]:
    parser = _Parser(prog=program, allow_abbrev=False, description=(cls.__doc__ or "").splitlines()[0])
    parser.add_argument("--config", "-config", metavar="FILE", help="YAML file with settings by name")
    for (flag, env, default, meaning), each in zip(describe(cls), dataclasses.fields(cls), strict=True):
        text = f"{meaning} Default: {default or 'empty'}. Environment: {env}.".replace("%", "%%")
        parser.add_argument(flag, dest=each.name, metavar="VALUE", help=text)
    known, unknown = parser.parse_known_args(list(argv))
    return vars(known), [f"{word}: no such flag" for word in unknown]


def _read_file(path: Path, program: str, cls: type[Settings], problems: list[str]) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - a megabyte that a worker without such a file does without

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        problems.append(f"{path}: {error.strerror}")
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problems.append(f"{path}: not YAML ({str(error).splitlines()[0]})")
        return {}
    if not isinstance(document, dict):
        problems.append(f"{path}: must hold `name: value` lines")
        return {}
    plain = {key: value for key, value in document.items() if value is not None and not isinstance(value, dict)}
    section = document.get(program)
    merged = {**plain, **(section if isinstance(section, dict) else {})}
    values = {str(key).replace("-", "_"): value for key, value in merged.items()}
    names = {each.name for each in dataclasses.fields(cls)}
    problems.extend(f"{path}: {name}: no such setting" for name in values if name not in names)
    return {name: value for name, value in values.items() if name in names}


def _given(
    each: "dataclasses.Field[Any]",
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    from_file: Mapping[str, Any],
) -> tuple[str, Any] | None:
    flag = flags.get(each.name)
    if flag is not None:
        return _flag(each.name), flag
    for name in (f"HOPLOOM_{each.name.upper()}", *each.metadata["env"]):
        if environ.get(name):
            return name, environ[name]
    return (each.name, from_file[each.name]) if each.name in from_file else None


def _sensible(name: str, value: Any) -> Any:
    """Check what the name says: ports are ports, and numbers are finite and not below zero."""
    if isinstance(value, int) and f"_{name}".endswith("_port") and not 0 <= value <= _LAST_PORT:
        raise ValueError(f"must be a port from 0 to {_LAST_PORT}, not {value}")
    if isinstance(value, int | float) and not (math.isfinite(value) and value >= 0):
        raise ValueError(f"must be a number from 0 up, not {value}")
    return value


def _convert(raw: Any, default: Any) -> Any:
    """Bring a value to the type of its default; raises ValueError with a reason for a person."""
    if isinstance(raw, list | dict):
        raise ValueError("must be one value, not a list: put commas between several")
    if isinstance(default, bool):
        word = str(raw).lower()
        if word not in _TRUE | _FALSE:
            raise ValueError(f"must be true or false, not {raw!r}")
        return word in _TRUE
    if isinstance(default, int | float):
        try:
            return type(default)(str(raw))
        except ValueError:
            kind = "a whole number" if isinstance(default, int) else "a number"
            raise ValueError(f"must be {kind}, not {raw!r}") from None
    return Path(str(raw)).expanduser() if isinstance(default, Path) else str(raw)
