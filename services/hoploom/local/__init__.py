"""The mesh on one machine: real Consul, Fabio and Nomad as processes on loopback, services placed by Nomad jobs."""
