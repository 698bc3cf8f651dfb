"""The verbs of `hoploom user`, a module each."""
