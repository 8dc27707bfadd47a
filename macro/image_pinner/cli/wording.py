"""How users of the CLI follow the help of core and sources."""

from __future__ import annotations

from image_pinner.core.advice import Advice, reword

WORDING = {
    Advice.ACCOUNT: "pass --account",
    Advice.REGION: "pass --region or set AWS_REGION",
    Advice.STACK_NAME: "pass --stack-name",
    Advice.PARAMETER: "pass --parameter {}=VALUE",
    Advice.IMAGE_PATH: "pass its JSONPath with --image-path",
    Advice.INSECURE_REGISTRY: "pass --insecure-registry {}",
    Advice.TIMEOUT: "raise --timeout",
}
_NOT_OF_CHECK = {Advice.STACK_NAME, Advice.INSECURE_REGISTRY, Advice.TIMEOUT}
_OF_CHECK = {advice: words for advice, words in WORDING.items() if advice not in _NOT_OF_CHECK}


def help_for_cli(help: str) -> str:
    """Return a help in the words of the CLI, with several options for parameters as on one command line."""
    return reword(help, WORDING).replace("=VALUE; pass --parameter ", "=VALUE --parameter ")


def help_for_check(help: str) -> str:
    """Return a help in the words of `check`, which has fewer options than `pin`."""
    return reword(help, _OF_CHECK)
