"""Probing: echo requests and traceroutes for many targets at once, for the worker and for the command line."""
