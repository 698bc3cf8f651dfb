"""A new version of a service, brought in step by step, watched, and taken back where it does not do."""
