"""The demonstration: the macro at work on an AWS that runs in this process and knows nobody outside."""
