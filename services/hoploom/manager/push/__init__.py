"""Push: one idle connection a worker or page, on which a manager says at once what has changed."""
