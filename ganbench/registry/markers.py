"""The pluggy markers with which hooks are declared and implemented."""

import pluggy

PROJECT = "ganbench"
#: Entry-point group in which distributions announce their plugins.
ENTRY_POINT_GROUP = "ganbench"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
