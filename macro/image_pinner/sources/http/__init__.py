"""HTTP client for registries: limited in time, size and addresses, with messages that are safe to print."""
