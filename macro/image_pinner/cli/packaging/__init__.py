"""Data of the project that the commands need: the macro's template, and the function's zip that a wheel carries."""
