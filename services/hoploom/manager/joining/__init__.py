"""How a machine becomes a worker by one command: a script to read first, and the archive that it brings, by its sum."""
