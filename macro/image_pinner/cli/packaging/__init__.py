"""The Lambda's package: one zip, the same bytes for the same commit, and the template that installs it."""
