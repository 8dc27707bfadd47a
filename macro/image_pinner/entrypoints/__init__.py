"""The faces of the program: the Lambda macro and the command."""
