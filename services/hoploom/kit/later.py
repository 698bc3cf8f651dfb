"""Keeps a library from being loaded until somebody uses it, where another library imports it for nothing."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def imported_later(name: str) -> Iterator[None]:
    """Have whoever imports a library in this block load it at its first use, not before.

    `importlib.util.LazyLoader` does not serve: up to Python 3.12 an `import` of its module loads it at once.

    Args:
        name: A top-level library; one that is loaded already is left as it is.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = _Placeholder(name)
    try:
        yield
    finally:
        # Everybody else imports the library itself.
        del sys.modules[name]


class _Placeholder(ModuleType):
    """Stands for a library, and asks it for everything."""

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # what the import system asks every module for
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self.__name__), attribute)
