"""Loop variables in plain texts: `Fn::ForEach` replaces them in every text of its body, not only in functions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from image_pinner.core.template.intrinsics.partial import Text, as_text, concatenated
from image_pinner.core.template.values import Known, Outcome

_PLACEHOLDER = re.compile(r"([$&])\{([A-Za-z0-9]+)\}", re.ASCII)
_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]", re.ASCII)


def with_loops(text: str, loops: Mapping[str, Outcome]) -> Text:
    """Give a text with `${Variable}` and `&{Variable}` replaced, the latter by letters and digits only.

    Args:
        text: A text in the body of a loop.
        loops: What the variables of the loops around it come to; other names in braces stay as they are.
    """
    return concatenated(_pieces(text, loops))


def _pieces(text: str, loops: Mapping[str, Outcome]) -> Iterator[Text]:
    position = 0
    for placeholder in _PLACEHOLDER.finditer(text):
        sign, name = placeholder.groups()
        if name in loops:
            yield Known(text[position : placeholder.start()])
            value = as_text(loops[name], f"the loop variable {name!r}")
            yield value if sign == "$" else _alphanumeric(value)
            position = placeholder.end()
    yield Known(text[position:])


def _alphanumeric(text: Text) -> Text:
    if isinstance(text, Known):
        return Known(_NOT_ALPHANUMERIC.sub("", text.value))
    return text._replace(prefix=_NOT_ALPHANUMERIC.sub("", text.prefix))
