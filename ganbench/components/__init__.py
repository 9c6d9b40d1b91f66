"""The contracts that plugin authors implement. Importing them imports no torch.

`ganbench.components` is also the name of the function that lists components; see `__init__.pyi`.
"""

from ganbench.registry.lookup import components

__all__ = ["components"]
