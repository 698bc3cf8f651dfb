"""What was measured, for people: cells of all outputs, matrices, series, maps and results."""
