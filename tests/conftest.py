"""What all tests share: claims about time are made again where the machine stood still, and nothing else is timed."""

import pytest
from hypothesis import HealthCheck, settings

import calm
import failure_lines
import unmeasured
from calm import pytest_runtest_protocol, pytest_terminal_summary, pytest_unconfigure
from module_times import ModuleTimes
from unmeasured import pytest_pyfunc_call

__all__ = [
    "pytest_configure",
    "pytest_pyfunc_call",
    "pytest_runtest_protocol",
    "pytest_terminal_summary",
    "pytest_unconfigure",
]

# How quickly examples are made says what else the machine does.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Know the marks, add up what modules take, and say at once what failed."""
    calm.pytest_configure(config)
    unmeasured.pytest_configure(config)
    config.pluginmanager.register(ModuleTimes(), "module-times")
    failure_lines.pytest_configure(config)
