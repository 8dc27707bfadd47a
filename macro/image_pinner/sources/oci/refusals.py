"""What it means when a registry answers a request for a manifest with anything but the manifest."""

from __future__ import annotations

from image_pinner.core.errors import SourceError
from image_pinner.core.images.references import ImageReference
from image_pinner.core.images.resolutions import Missing
from image_pinner.sources.credentials.interface import NoCredential
from image_pinner.sources.http.diagnostics import errors_in, said, shown
from image_pinner.sources.http.messages import Reply, told
from image_pinner.sources.http.redirects import Followed
from image_pinner.sources.http.retries import PASSING_STATUSES
from image_pinner.sources.oci.authorization import Authorization

_NOT_FOUND, _SERVER_ERRORS = 404, 500
_SHOWN_WAIT = 40  # characters: a date has 29


def missing(followed: Followed, reference: ImageReference, authorization: Authorization | None) -> Missing:
    """Give the answer for an image that is not there, and raise for every other refusal.

    Args:
        followed: The registry's answer, whose status is not 200.
        reference: The image.
        authorization: What the registry was shown last, or `None`.

    Returns:
        That the image is missing; `absent` only where a registry's error code says so, for any web server knows 404.

    Raises:
        SourceError: The registry does not say whether the image is there.
    """
    reply = followed.reply
    cause = _cause(followed, authorization)
    match reply.status:
        case 404:
            return _not_found(followed, reference, cause)
        case 401 | 403:
            raise SourceError(cause, _advice_when_denied(followed, reference, authorization))
        case 429:
            raise SourceError(cause, _advice_when_throttled(reference, authorization))
        case status if status >= _SERVER_ERRORS:
            raise SourceError(cause, "Try again in some minutes, and look at the registry's status page if it goes on")
        case _:
            raise SourceError(cause, f"Check that {reference.registry} is a registry and that the image is named right")


def config_refused(followed: Followed, reference: ImageReference, authorization: Authorization | None) -> SourceError:
    """Give the error for a config that a registry does not give, although it gave the manifest that names it.

    Args:
        followed: The registry's answer, whose status is not 200.
        reference: The image.
        authorization: What the registry was shown last, or `None`.

    Returns:
        The error.
    """
    return SourceError(
        f"the image's platform is not known: {_cause(followed, authorization)}",
        f"Push {reference} again, or say Platform=Any, which asks for no platform",
    )


def _cause(followed: Followed, authorization: Authorization | None) -> str:
    reply = followed.reply
    secrets = authorization.secrets() if authorization else ()
    answer = said(reply.body, reply.header("Content-Type"), secrets)
    shown_credential = authorization.credential.source if authorization and followed.at_home else ""
    return (
        f"{reply.url} answered {reply.status}{told(reply.tries)}"
        + (f", {answer!r}" if answer else "")
        + _wish(reply)
        + (f", to {shown_credential}" if shown_credential and reply.status != _NOT_FOUND else "")
    )


def _wish(reply: Reply) -> str:
    """Give the wait that a registry asks for, which is longer than the run has time for, as a clause."""
    asked = reply.header("Retry-After")
    is_asked = reply.status in PASSING_STATUSES and asked
    return f", and asks to wait {shown(asked, limit=_SHOWN_WAIT)}{' s' if asked.isdigit() else ''}" if is_asked else ""


def _not_found(followed: Followed, reference: ImageReference, cause: str) -> Missing:
    codes = [error.code for error in errors_in(followed.reply.body) if error.code]
    if not codes:
        return Missing(
            f"{cause}, without an error code of a registry",
            f"Check that {reference.registry} is a registry, and the spelling of {reference.repository}",
            absent=False,
        )
    if "NAME_UNKNOWN" in codes:
        return Missing(cause, f"Check the spelling of the repository {reference.repository}, or push the image first")
    return Missing(
        cause, f"Push the tag {reference.tag or 'latest'} to {reference.repository}, or name a tag that is there"
    )


def _advice_when_denied(followed: Followed, reference: ImageReference, authorization: Authorization | None) -> str:
    if not followed.at_home:
        return f"No login is sent to where {reference.registry} redirects; name the image by the host it comes from"
    if authorization is None:
        return f"Ask the owner of {reference.registry} who may read {reference.repository} from here"
    # Docker Hub and others do not tell strangers whether a repository exists.
    return f"Check that {reference.repository} exists and may be read with it; if so: {authorization.credential.advice}"


def _advice_when_throttled(reference: ImageReference, authorization: Authorization | None) -> str:
    if authorization is not None and isinstance(authorization.credential, NoCredential):
        return f"Log in, which raises the limit: {authorization.credential.advice}"
    if authorization is None:
        return f"Log in to {reference.registry} where it allows that, which raises the limit, or try again later"
    return "Try again later, or use an account with a higher limit"
