"""What a manager sees of the mesh: how each part is asked, and what a person has to put right. `sight` keeps it."""
