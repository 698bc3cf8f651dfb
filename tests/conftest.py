"""What all tests share: claims about time are made again where the machine stood still."""

from calm import pytest_configure, pytest_runtest_protocol, pytest_terminal_summary, pytest_unconfigure

__all__ = ["pytest_configure", "pytest_runtest_protocol", "pytest_terminal_summary", "pytest_unconfigure"]
