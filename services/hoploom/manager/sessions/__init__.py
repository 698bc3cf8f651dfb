"""Sessions of people: kept in Consul's KV store, and so good at every manager."""
