"""Amazon ECR: digests by its API."""
