"""What an image is: its reference, its digest, its platform, and what a source answered about it."""
