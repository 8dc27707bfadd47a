"""The region of the AWS configuration of the user, and errors in that configuration."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from image_pinner.core.errors import ConfigurationError


@contextmanager
def explained_configuration() -> Iterator[None]:
    """Raise `ConfigurationError` if the block cannot use the configuration."""
    from image_pinner.sources.aws.errors import aws_client_faults, explain  # noqa: PLC0415 - most runs need no region

    try:
        yield
    except aws_client_faults() as error:
        raise ConfigurationError(*explain(error, "the AWS account")) from error


def configured_region() -> str:
    """Return the region of the environment or the configuration files, as the AWS CLI does; empty if there is none."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if region := os.environ.get(name):
            return region
    # Imported here because it takes long.
    from botocore.session import Session  # noqa: PLC0415

    with explained_configuration():
        return Session().get_config_variable("region") or ""
