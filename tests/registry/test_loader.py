"""The guarded loader: what misbehaves is named, keeps nothing, and hurts nobody else."""

import importlib.metadata
import sys

import pytest

from ganbench.base.errors import UsageError
from ganbench.registry import PluginState
from ganbench.registry.discovery import installed_entry_points

GOOD = """
{LOSS}
@hookimpl
def ganbench_losses(register):
    register("good", Example)
"""

HOSTILE = {
    "raise at import": ("1 / 0", "ZeroDivisionError: division by zero"),
    "exit at import": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "wrong syntax": ("def", "SyntaxError: invalid syntax (site_module_0.py, line 1)"),
    "missing import": ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
    "raise in a hook": (
        """
        {LOSS}
        @hookimpl
        def ganbench_losses(register):
            register("half", Example)
            raise RuntimeError("several\\nlines")
        """,
        "RuntimeError: several lines",
    ),
    "exit in a hook": (
        """
        from ganbench import hookimpl
        @hookimpl
        def ganbench_losses(register):
            raise SystemExit
        """,
        "SystemExit",
    ),
    "misspelt hook": (
        """
        from ganbench import hookimpl
        @hookimpl
        def ganbench_loses(register): ...
        """,
        "HookError: unknown hook 'ganbench_loses'; did you mean 'ganbench_losses'?",
    ),
    "unmarked hook": (
        """
        def ganbench_losses(register): ...
        """,
        "HookError: ganbench_losses is not marked with @hookimpl",
    ),
    "no hook": ("x = 1", "ValueError: it implements no hook of ganbench (ganbench_archit"),
    "wrong argument": (
        """
        from ganbench import hookimpl
        @hookimpl
        def ganbench_losses(registrar): ...
        """,
        "{'registrar'} are declared in the hookimpl but can not be found in the hookspec",
    ),
    "returning instead of registering": (
        """
        from ganbench import hookimpl
        @hookimpl
        def ganbench_losses(register):
            return ["x"]
        """,
        "HookError: ganbench_losses returned a value; it must call register instead",
    ),
    "error without a message": (
        """
        class Rude(Exception):
            def __str__(self):
                raise RuntimeError
        raise Rude
        """,
        "Rude: (its message cannot be shown)",
    ),
}


@pytest.mark.parametrize(("source", "error"), HOSTILE.values(), ids=HOSTILE)
def test_what_fails_is_named_and_the_rest_loads(site, source, error):
    site.add("a-hostile", source, version="0.3")
    site.add("good", GOOD)
    registry = site.load()
    hostile, good = registry.plugins
    assert (hostile.distribution, hostile.version, hostile.name) == ("a-hostile", "0.3", "plugin")
    assert (hostile.state, hostile.provides) == (PluginState.FAILED, [])
    assert error in hostile.error
    assert "\n" not in hostile.error
    assert (good.state, good.provides, good.hooks) == ("ok", ["loss:good"], ["ganbench_losses"])
    assert good.load_ms > 0
    assert list(registry.components("losses")) == ["good"]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("register('Good', Example)", "bad loss name 'Good': a name has lower-case letters"),
        ("register('a b', Example)", "bad loss name 'a b'"),
        ("register(None, Example)", "bad loss name None"),
        ("register('a', 'package.module')", "target 'package.module' is not 'package.module:Clas"),
        ("register('a', Example())", "target must be a class or 'package.module:Class', not Exam"),
        ("register('a', Example); register('a', Example)", "loss 'a' is registered twice"),
        ("register('a', Example, summary=3)", "loss 'a': the summary must be text, not 3"),
        ("register('a')", "missing 1 required positional argument: 'target'"),
    ],
)
def test_bad_registrations_are_named(site, call, error):
    site.add("dist", f"{{LOSS}}\n@hookimpl\ndef ganbench_losses(register):\n    {call}\n")
    registry = site.load()
    assert error in registry.plugins[0].error
    assert not registry.components("loss")


def test_printing_does_not_reach_standard_output(site, capsys):
    site.add("loud", "print('at import')" + GOOD + "    print('in a hook')\n")
    assert site.load().plugins[0].state == "ok"
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "at import\nin a hook\n"


def test_interrupting_is_left_to_the_person(site):
    site.add("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        site.load()


def test_entry_points_that_name_nothing(site):
    site.announce("a", "missing", "not_there_at_all")
    site.announce("a", "mistaken", "a module:")
    module = site.add("b", GOOD)
    site.announce("c", "again", module)
    missing, mistaken, good, again = site.load().plugins
    assert missing.error == "ModuleNotFoundError: No module named 'not_there_at_all'"
    assert mistaken.error.endswith("is not 'package.module' or 'package.module:object'")
    assert good.state == "ok"
    assert again.error == f"ValueError: '{module}' is announced by the plugin b:plugin already"


def test_a_plugin_may_be_any_object_with_hooks(site):
    source = """
    {LOSS}
    class Plugin:
        @hookimpl
        def ganbench_losses(self, register):
            register("good", "nowhere:Class", summary=" on\\none line ")
    plugin = Plugin()
    """
    site.add("dist", source, value="site_module_0:plugin")
    (info,) = site.load().components("loss").values()
    assert (info.summary, info.plugin) == ("on one line", "plugin")


@pytest.mark.parametrize(
    ("environ", "loaded"),
    [
        ({}, {"ganbench:core", "dist-a:one", "dist-a:two", "dist-b:one"}),
        ({"GANBENCH_PLUGINS": ""}, {"ganbench:core"}),
        ({"GANBENCH_PLUGINS": "dist-B, two"}, {"ganbench:core", "dist-a:two", "dist-b:one"}),
        ({"GANBENCH_PLUGINS": "dist_a:one"}, {"ganbench:core", "dist-a:one"}),
        ({"GANBENCH_DISABLE_PLUGINS": "one"}, {"ganbench:core", "dist-a:two"}),
        ({"GANBENCH_DISABLE_PLUGINS": "dist-a,core"}, {"dist-b:one"}),
        ({"GANBENCH_DISABLE_PLUGINS": "ganbench"}, {"ganbench:core", "dist-a:one", "dist-a:two"}
         | {"dist-b:one"}),
        ({"GANBENCH_PLUGINS": "one", "GANBENCH_DISABLE_PLUGINS": "dist-b"},
         {"ganbench:core", "dist-a:one"}),
    ],
)  # fmt: skip
def test_environment_allows_and_blocks(site, environ, loaded):
    for distribution, name in (("dist-a", "two"), ("dist-b", "one"), ("ganbench", "core")):
        site.add(distribution, GOOD.replace("good", f"{distribution}-{name}"), name=name)
    site.add("dist-a", GOOD.replace("good", "dist-a-one"), name="one")
    plugins = site.load(**environ).plugins
    assert plugins[0].label == "ganbench:core"
    assert {plugin.label for plugin in plugins if plugin.state == "ok"} == loaded
    assert all(plugin.state in ("ok", "blocked") for plugin in plugins)


def test_blocked_plugins_are_not_imported(site):
    module = site.add("dist", "raise SystemExit")
    assert site.load(GANBENCH_DISABLE_PLUGINS="plugin").plugins[0].state == "blocked"
    assert module not in sys.modules


def test_strict_raises_for_what_fails(site):
    site.add("dist", "1 / 0")
    sentence = r"^plugin dist:plugin failed to load: ZeroDivisionError: division by zero$"
    with pytest.raises(UsageError, match=sentence) as caught:
        site.load(GANBENCH_STRICT_PLUGINS="1")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert site.load(GANBENCH_STRICT_PLUGINS="0").plugins[0].state == "failed"


def test_damaged_distributions_of_others_do_not_matter(site, tmp_path, monkeypatch):
    site.add("dist", GOOD)
    for name, content in (("entry_points.txt", "[x]\nno equals sign\n"), ("METADATA", None)):
        info = site.folder / f"damaged_{name[0]}-1.dist-info"
        info.mkdir()
        if content:
            (info / name).write_text(content)
    monkeypatch.setattr(sys, "path", [str(site.folder)])
    assert [point.dist.name for point in installed_entry_points()] == ["dist"]


def test_an_entry_point_without_a_distribution(site):
    module = site.add("dist", GOOD)
    point = importlib.metadata.EntryPoint("plugin", module, "ganbench")
    from ganbench.registry import Registry

    (plugin,) = Registry.load([point], {}).plugins
    assert (plugin.state, plugin.label, plugin.version) == ("ok", "unknown:plugin", "unknown")


def test_each_fault_has_its_line(site, monkeypatch):
    unmarked = site.add("a-unmarked", "x = 1\ndef ganbench_losses(register): ...\n")
    raising = site.add("b-raising", "def fail():\n    raise ValueError\nfail()\n")
    places = [plugin.faults[0].place for plugin in site.load().plugins]
    assert [place.rpartition("/")[2] for place in places] == [f"{unmarked}.py:2", f"{raising}.py:2"]
