"""`hoploom deploy`: its flags, its screen, and how it reaches the engines."""
