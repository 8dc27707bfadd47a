"""Credentials: where they come from, and for whom they are."""
