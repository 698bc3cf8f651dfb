"""The paths that the services have on the mesh, by which Fabio tells them apart: the longest prefix wins."""

from typing import Final

INPUT: Final = (
    "/targets",
    "/leases",
    "/hops",
    "/api/v1/campaigns",
    "/api/v1/sets",
    "/api/v1/slots",
    "/api/v1/overlay",
)
OUTPUT: Final = ("/results", "/dump", "/api/v1/results", "/api/v1/output")
"""`/dump` stands for `/dumps` too."""


def owner(path: str) -> str:
    """The service that a path belongs to: `input`, `output`, or `manager` for all that neither of them has."""
    if path.startswith(INPUT):
        return "input"
    return "output" if path.startswith(OUTPUT) else "manager"
