"""Output formats of reports and findings."""
