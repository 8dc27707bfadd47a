"""The secret that a template names for a container's image, as ECS takes it to pull the image.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ecs-taskdefinition-repositorycredentials.html

Who writes a template chooses both the registry and the secret. Whatever the role that asks may read, an author could
have sent to a host of their own: a name of somebody else's secret beside `evil.example/image` would do. So the operator
binds secrets to registries, and a secret is read, let alone sent, only where the two that a template names are bound to
each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from image_pinner.core.images.registry_places import AllowedSecret, SecretPlace
from image_pinner.sources.credentials.contents import Found, read_content
from image_pinner.sources.credentials.interface import Credential, NoCredential, SecretReader
from image_pinner.sources.interface import Deadline

SETTING = "IMAGE_PINNER_TEMPLATE_CREDENTIALS"
"""The setting that says which secrets templates may name, and for which registry."""


class TemplateCredentials:
    """Gives the credential in the secret that a template names, where the operator allows it for the registry.

    Args:
        allowed: What the operator allows.
        secrets: Reads secrets.
    """

    def __init__(self, allowed: Sequence[AllowedSecret], secrets: SecretReader) -> None:
        self._allowed = tuple(allowed)
        self._secrets = secrets

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credential:
        """Give the credential that a template names for a registry.

        Args:
            registry: Its host in lower case, with its port where one is written; `docker.io` for Docker Hub.
            deadline: When to give up.
            secret_arn: What the template names, or empty.

        Returns:
            The credential, or none where nothing is named or what is named is not allowed for exactly this host.

        Raises:
            SourceError: AWS does not give it.
            ConfigurationError: What the secret holds cannot be used.
        """
        if not secret_arn:
            return NoCredential("no credential, for the template names no secret for the image", "")
        try:
            place = SecretPlace.of_arn(secret_arn)
        except ValueError:
            # What it is stays unsaid: it may be the password itself.
            return NoCredential(
                "no credential, for what the template names as the image's secret is no ARN of one",
                "Write the full ARN of the secret into CredentialsParameter",
                refused=True,
            )
        if not any(allowed.allows(registry, place) for allowed in self._allowed):
            return NoCredential(
                f"no credential, for the template names {place}, which the operator has not allowed for {registry}",
                f"If it is meant for {registry}, have the operator allow it with {SETTING}={registry}=<its ARN>",
                refused=True,
            )
        return read_content(self._secrets.read(place, deadline), Found(registry, f"{place}, which the template names"))
