"""ImagePinner: container images of CloudFormation templates, pinned to digests at deploy time."""

__version__ = "0.1.0"
