"""The paths that traceroutes took, as one graph: merged from all outputs, laid out, searched and drawn."""
