"""Credentials for registries on a user's machine: those that Docker and podman use."""
