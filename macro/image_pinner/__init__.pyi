from image_pinner.api import Finding as Finding
from image_pinner.api import ImagePinnerError as ImagePinnerError
from image_pinner.api import PinFailedError as PinFailedError
from image_pinner.api import PinnedTemplate as PinnedTemplate
from image_pinner.api import PinReport as PinReport
from image_pinner.api import check_template as check_template
from image_pinner.api import pin_template as pin_template

__version__: str
