"""The prepared queries: one definition each, by the names of the mesh."""

from hoploom.kit.names import PLAIN, Names
from hoploom.local.queries import definitions


def test_every_routed_service_has_a_query_that_falls_over_to_the_nearest_two_datacenters() -> None:
    found = {each["Service"]["Service"]: each for each in definitions()}
    assert found.keys() == {"input", "output", "manager", "fabio"}
    for name, each in found.items():
        assert each["Name"] == PLAIN.query(name)
        assert each["Service"]["OnlyPassing"] and each["Service"]["Failover"] == {"NearestN": 2}


def test_a_mesh_among_strangers_has_queries_of_its_own() -> None:
    found = {each["Name"]: each["Service"]["Service"] for each in definitions(Names.apart("lab"))}
    assert found["lab-input"] == "lab-input" and len(found) == 4
