"""What Fabio makes of tags and overrides: read, checked, changed, and compared with what Consul says."""
