"""The command `image-pinner`."""
