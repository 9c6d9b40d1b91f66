"""``python -m ganbench``."""

import os
import sys

# A file there, such as json.py, would replace a module that is still to be imported.
if not sys.flags.safe_path and sys.path[0] in ("", os.getcwd()):
    sys.path.append(sys.path.pop(0))

from ganbench.cli import main

main()
