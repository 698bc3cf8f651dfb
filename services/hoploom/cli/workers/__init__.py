"""The verbs of `hoploom worker`, a module each.

For operators: `invite`, `ls`, `show`, `revoke`, `rm`. On the worker's own machine: `join`, `start`, `leave`.
"""
