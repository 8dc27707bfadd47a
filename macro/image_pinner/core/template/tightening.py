"""Tightening: a template may be stricter than what the operator has set, never looser."""

from __future__ import annotations

from image_pinner.core.images.platforms import Platform
from image_pinner.core.template.options import Options, Pin, WhenMissing, WhenMoved


def loosened(wanted: Options, operator: Options) -> str:
    """Tell whether options are looser than what the operator has set.

    Args:
        wanted: What image, resource and template say.
        operator: What the operator has set.

    Returns:
        What is looser, as a clause, or empty.
    """
    if operator.when_missing is WhenMissing.FAIL and wanted.when_missing is WhenMissing.KEEP_TAG:
        return "WhenMissing=KeepTag is looser than the operator's WhenMissing=Fail"
    if operator.when_moved is WhenMoved.FAIL and wanted.when_moved is WhenMoved.WARN:
        return "WhenMoved=Warn is looser than the operator's WhenMoved=Fail"
    if wanted.pin is not None and _narrower(wanted.pin, operator.pin):
        of_operator = operator.pin.value if isinstance(operator.pin, Pin) else ",".join(operator.pin or ())
        return f"Pin is narrower than the operator's Pin={of_operator}"
    if isinstance(operator.platform, Platform) and wanted.platform not in {None, operator.platform}:
        return f"Platform is another than the operator's Platform={operator.platform}"
    return ""


def _narrower(wanted: Pin | tuple[str, ...], operator: Pin | tuple[str, ...] | None) -> bool:
    if operator is Pin.ALL:
        return wanted is not Pin.ALL
    if not isinstance(operator, tuple) or wanted is Pin.ALL:
        return False
    return not isinstance(wanted, tuple) or not set(operator) <= set(wanted)
