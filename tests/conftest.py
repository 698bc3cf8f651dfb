"""What all tests share: claims about time are made again where the machine stood still, and nothing else is timed."""

from hypothesis import HealthCheck, settings

from calm import pytest_configure, pytest_runtest_protocol, pytest_terminal_summary, pytest_unconfigure

__all__ = ["pytest_configure", "pytest_runtest_protocol", "pytest_terminal_summary", "pytest_unconfigure"]

# How quickly examples are made says what else the machine does.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
