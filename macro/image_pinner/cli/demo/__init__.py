"""The demo: the macro against an in-process mock of AWS."""
