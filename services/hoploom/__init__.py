"""hoploom: services that register themselves in Consul, are routed by Fabio, and map networks.

The rooms: `kit` (the mesh library), `engines` (Consul, Nomad, Fabio), `targets` (what to probe), `wire` (what crosses
the network), the four services `input_service`, `ping_service`, `output_service`, `manager`, and `cli`.
"""

__version__ = "0.1.0"
