"""The verbs of `hoploom campaign`, one a module."""
