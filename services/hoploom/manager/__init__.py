"""The people's side: what the mesh is doing, on one page, on any instance."""
