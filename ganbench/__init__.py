"""ganbench: is this GAN component really better?

`__init__.pyi` lists the public names; each is imported on first use, so that ``import ganbench`` is
quick, and only what needs torch loads it.
"""

import os

from ganbench.base import safe_path  # noqa: F401 - it decides where what follows comes from

# isort: split
import lazy_loader

from ganbench.base.version import __version__ as __version__

# EAGER_IMPORT=1 makes lazy_loader import every name at once. Plugins import names from this package, so
# that waits until the package can answer.
_eager = os.environ.pop("EAGER_IMPORT", "")
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
if _eager:
    os.environ["EAGER_IMPORT"] = _eager
    if _eager != "0":
        for _name in __all__:
            __getattr__(_name)
