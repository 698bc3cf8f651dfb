"""Topologies out of TOML: every table is an item of `declared`, a `generated` table is one of `generator`. Pure."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from typing import Any, TypeVar

from lab.internet.compiling import compiled
from lab.internet.declared import (
    BALANCED_BY,
    QUOTES,
    SENDERS,
    Balancer,
    Declaration,
    DeclarationError,
    Interface,
    Prefix,
    Unreachable,
)
from lab.internet.generator import Generated, generate
from lab.internet.topology import Topology

T = TypeVar("T")
_TABLES = {"interfaces", "balancers", "prefixes", "generated", "loss"}


def topology(text: str) -> Topology:
    """The topology that a TOML document declares.

    Raises:
        DeclarationError: It cannot be as it is declared.
    """
    return compiled(declaration(text))


def declaration(text: str) -> Declaration:
    """What a TOML document declares.

    Raises:
        DeclarationError: It is no TOML, or a table or key is unknown, missing or out of its range.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(f"this is no TOML: {error}") from error
    if unknown := document.keys() - _TABLES:
        raise DeclarationError(f"there is no table {min(unknown)}")
    loss = float(document.get("loss", 0))
    if "generated" in document:
        return generate(_item(Generated, document["generated"], "generated"), loss)
    return Declaration(
        interfaces={name: _interface(name, table) for name, table in document.get("interfaces", {}).items()},
        balancers={name: _balancer(name, table) for name, table in document.get("balancers", {}).items()},
        prefixes=tuple(_prefix(table) for table in document.get("prefixes", [])),
        loss=loss,
    )


def _item(kind: type[T], table: dict[str, Any], where: str) -> T:
    """A declared item; lists become tuples."""
    if unknown := table.keys() - {each.name for each in fields(kind)}:  # type: ignore[arg-type]
        raise DeclarationError(f"{where} has an unknown {min(unknown)}")
    try:
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})
    except TypeError as error:
        raise DeclarationError(f"{where} lacks something: {error}") from error


def _one_of(value: str, choices: tuple[str, ...], where: str) -> None:
    if value not in choices:
        raise DeclarationError(f"{where} is one of {', '.join(choices)}, not {value}")


def _interface(name: str, table: dict[str, Any]) -> Interface:
    item = _item(Interface, table, f"interface {name}")
    _one_of(item.quote, QUOTES, f"the quote of {name}")
    return item


def _balancer(name: str, table: dict[str, Any]) -> Balancer:
    item = _item(Balancer, {**table, "branches": [tuple(each) for each in table.get("branches", [])]}, name)
    _one_of(item.by, BALANCED_BY, f"what {name} balances by")
    return item


def _prefix(table: dict[str, Any]) -> Prefix:
    where = f"prefix {table.get('prefix', '')}"
    told = table.get("unreachable")
    unreachable = _item(Unreachable, told, f"unreachable of {where}") if told else None
    if unreachable:
        _one_of(unreachable.by, SENDERS, f"the sender of the unreachables of {where}")
    return _item(Prefix, {**table, "unreachable": unreachable}, where)
