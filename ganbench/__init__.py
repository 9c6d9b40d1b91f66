"""ganbench: is this GAN component really better?

`__init__.pyi` lists the public names; each is imported on first use, so that ``import ganbench`` is
quick, and only what needs torch loads it.
"""

import lazy_loader

from ganbench.base.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
