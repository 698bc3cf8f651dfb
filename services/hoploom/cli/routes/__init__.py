"""The verbs of `hoploom route`, a module each; `reaching` is how they find Consul and the Fabios."""
