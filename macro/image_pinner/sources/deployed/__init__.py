"""Which images AWS services have deployed."""
