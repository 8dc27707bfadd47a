"""Resolve digests of images in Amazon ECR through its API."""
