"""ImagePinner: container images of CloudFormation templates, pinned to digests at deploy time."""

__version__ = "0.1.0"


_API = (
    "Finding", "ImagePinnerError", "PinFailedError", "PinReport", "PinnedTemplate", "check_template", "pin_template",
)  # fmt: skip


def __getattr__(name: str) -> object:
    """Import the names of `api`, which `__init__.pyi` declares, when they are used: the Lambda does not load it."""
    if name not in _API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - the Lambda does not need it

    return getattr(import_module("image_pinner.api"), name)
