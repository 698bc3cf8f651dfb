"""What happened in the mesh, in a ring that all managers show: every manager watches, the leader writes it down."""
