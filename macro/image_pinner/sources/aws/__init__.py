"""AWS: clients, and what its failures mean."""
