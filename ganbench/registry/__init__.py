"""Finding components: hooks, the guarded entry-point loader, specs and look-up (torch-free)."""

from ganbench.registry.kinds import KINDS as KINDS
from ganbench.registry.kinds import kind_of as kind_of
from ganbench.registry.lookup import ComponentInfo as ComponentInfo
from ganbench.registry.lookup import Registry as Registry
from ganbench.registry.lookup import default_registry as default_registry
from ganbench.registry.plugins import PluginRecord as PluginRecord
from ganbench.registry.plugins import PluginState as PluginState
from ganbench.registry.specs import Spec as Spec
from ganbench.registry.specs import format_value as format_value
from ganbench.registry.specs import parse_spec as parse_spec
