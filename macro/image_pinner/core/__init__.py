"""The pure core: no network, no files but the package's own data, no environment, no clock, no randomness."""
