"""Policies judge images from facts gathered before; they never fetch and do not know each other."""
