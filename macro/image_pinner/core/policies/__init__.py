"""Policies judge images from facts that were gathered before; they never fetch and do not know each other."""
