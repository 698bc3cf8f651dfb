"""What the integration tests share: the real engines."""

from pathlib import Path

import pytest

from hoploom import engines


@pytest.fixture(scope="session")
def engine_paths() -> dict[str, Path]:
    """Where Consul and Fabio are; they are fetched or built when they are not there."""
    made = engines.ensure(["consul", "fabio"], report=print)
    return {name: engine.path for name, engine in made.items()}
