"""The mesh library."""
