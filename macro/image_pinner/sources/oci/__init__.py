"""Resolve images of registries that implement the OCI distribution API."""
