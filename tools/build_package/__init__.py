"""Build the zip of the Lambda function. Not part of the installed package."""
