"""Installing the macro: stacks and stack sets of deploy/macro.yaml, what they came to, and taking them away."""
