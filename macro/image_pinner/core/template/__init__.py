"""Find the images of a template, read their markers and options, and rewrite them."""
