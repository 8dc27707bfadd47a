"""The subcommands of `image-pinner`, one module each."""
