"""The command `image-pinner`, one file a verb."""
