"""The names of AWS's failures, by what they mean.

Codes that all services share: https://docs.aws.amazon.com/IAM/latest/UserGuide/CommonErrors.html. botocore's own
exceptions: https://github.com/boto/botocore/blob/develop/botocore/exceptions.py.
"""

from __future__ import annotations

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})
"""A policy forbids it."""
THROTTLED = frozenset(
    {
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""The caller asks too often, for the account or for itself."""
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
"""The credentials were good and are so no longer."""
NOT_ACCEPTED = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""The credentials are none for this service and region."""
NO_CREDENTIALS = frozenset({"NoCredentialsError", "NoAuthTokenError"})
"""botocore found no credentials."""
BAD_CREDENTIALS = frozenset(
    {
        "ConfigParseError",
        "CredentialRetrievalError",
        "InfiniteLoopConfigError",
        "InvalidConfigError",
        "LoginError",
        "MetadataRetrievalError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "RefreshWithMFAUnsupportedError",
        "SSOError",
        "TokenRetrievalError",
        "UnknownCredentialError",
    }
)
"""botocore found credentials that it cannot use."""
NO_ENDPOINT = frozenset({"BaseEndpointResolverError", "EndpointProviderError", "InvalidRegionError", "NoRegionError"})
"""botocore knows no endpoint."""
NO_ANSWER = frozenset({"ConnectTimeoutError", "ReadTimeoutError"})
"""The endpoint did not answer in time."""
ASSUMING = frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
"""The operations of STS that give the credentials of a role, for calls to come."""
