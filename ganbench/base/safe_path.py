"""``python -m ganbench`` in a folder with files such as enum.py, which would replace Python's modules.

Python puts the working directory first on the import path. It comes last here, before anything else is
imported. (Python's own start imports a few modules before: files named types.py or functools.py there
need ``python -P -m ganbench`` or the command ``ganbench``.)
"""

import os
import sys


def _is_ours(words: list[str]) -> bool:
    """Whether ``-m`` of Python's command line names ganbench."""
    return any(word.removeprefix("-m") == "ganbench" for word in words[1:])


if (
    sys.argv[:1] == ["-m"]
    and _is_ours(sys.orig_argv)
    and not sys.flags.safe_path
    and sys.path[0] in ("", os.getcwd())
):
    sys.path.append(sys.path.pop(0))
