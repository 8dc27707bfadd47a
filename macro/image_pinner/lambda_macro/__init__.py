"""The Lambda function of the CloudFormation macro."""
