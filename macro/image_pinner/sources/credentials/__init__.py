"""Registry credentials and the sources that they are read from."""
