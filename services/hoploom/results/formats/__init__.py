"""Other people's formats: each module writes one from batches with their rows, or reads one into records."""
