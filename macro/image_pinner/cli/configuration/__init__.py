"""The configuration file: settings, and defaults for the options of subcommands."""
