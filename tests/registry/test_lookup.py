"""Look-up: names and conflicts, classes that are imported late, and what messages suggest."""

import subprocess
import sys

import pytest

from ganbench.base.errors import BrokenComponentError, ConflictError, UnknownNameError, UsageError

PLUGIN = """
{LOSS}
@hookimpl
def ganbench_losses(register):
    for name in NAMES:
        register(name, Example)
"""


def providing(*names):
    return PLUGIN.replace("NAMES", repr(names))


def test_a_component_from_a_spec(site):
    site.add("Dist_One", providing("hinge"), version="2.5")
    registry = site.load()
    bound = registry.bind("loss", "hinge[width=5]")
    assert bound.component.width == 5
    assert bound.spec == "hinge[width=5]"
    assert bound.identity() == {
        "name": "hinge",
        "provider": "Dist_One",
        "version": "2.5",
        "recipe": 1,
        "options": {"width": 5},
    }
    assert bound.replaced(type(bound.component)()).spec == "hinge"
    assert registry.bind("losses", "dist-one:hinge[width=3]").spec == "hinge"


def test_what_is_known_of_a_component(site):
    site.add("dist", providing("hinge"), version="2.5")
    info = site.load().components("loss")["hinge"]
    assert (info.provider, info.version, info.summary) == ("dist", "2.5", "An example.")
    assert (info.error, info.task, info.paper) == (None, None, "")
    assert info.options["width"].default == 3


def test_a_name_that_two_distributions_claim_is_neithers(site):
    site.add("one", providing("hinge", "mine"))
    site.add("two", providing("hinge"))
    registry = site.load()
    assert list(registry.components("loss")) == ["mine", "one:hinge", "two:hinge"]
    assert [plugin.state for plugin in registry.plugins] == ["conflict", "conflict"]
    first = registry.plugins[0]
    assert first.error == "loss 'hinge' is claimed by two:plugin too; this one is 'one:hinge'"
    sentence = r"^loss 'hinge' is claimed by several distributions; write 'one:hinge' or 'two:hi"
    with pytest.raises(ConflictError, match=sentence):
        registry.bind("loss", "hinge")
    bound = registry.bind("loss", "two:hinge[width=1]")
    assert bound.spec == "two:hinge[width=1]"
    assert (bound.identity()["name"], bound.identity()["provider"]) == ("hinge", "two")
    assert [info.name for info in registry.find("hinge")] == ["one:hinge", "two:hinge"]
    with pytest.raises(UsageError, match=r"^plugin one:plugin is in conflict: loss 'hinge' is cl"):
        site.load(GANBENCH_STRICT_PLUGINS="1")


def test_built_in_names_stay_built_in(site):
    site.add("outsider", providing("hinge"))
    site.add("another", providing("hinge"))
    site.add("ganbench", providing("hinge"), name="losses")
    registry = site.load()
    assert registry.info("loss", "hinge").provider == "ganbench"
    assert list(registry.components("loss")) == ["another:hinge", "hinge", "outsider:hinge"]
    states = {plugin.label: (plugin.state, plugin.error) for plugin in registry.plugins}
    assert states["ganbench:losses"] == ("ok", "")
    outsider = "loss 'hinge' is built in; this one is 'outsider:hinge'"
    assert states["outsider:plugin"] == ("conflict", outsider)
    assert registry.info("loss", "hinge", "outsider").provider == "outsider"


def test_one_distribution_may_not_claim_a_name_twice(site):
    site.add("dist", providing("hinge"), name="a")
    site.add("dist", providing("hinge"), name="b")
    registry = site.load()
    assert registry.info("loss", "hinge").plugin == "a"
    assert registry.plugins[1].error == "loss 'hinge' is provided by dist:a already"


def test_unknown_names_come_with_a_suggestion(site):
    site.add("dist", providing("hinge", "wgan-gp"))
    registry = site.load()
    for kind, spec, sentence in (
        ("loss", "hnige", r"^unknown loss 'hnige'; did you mean 'hinge'\?$"),
        ("loss", "zzz", r"^unknown loss 'zzz'; known: hinge, wgan-gp$"),
        ("dataset", "hinge", r"^unknown dataset 'hinge'; 'hinge' is a loss$"),
        ("loss", "dits:hinge", r"^unknown loss 'hinge' in 'dits'; did you mean 'dist:hinge'\?$"),
        ("loss", "dist:hing", r"^unknown loss 'hing' in 'dist'; did you mean 'dist:hinge'\?$"),
        ("model", "hinge", r"^unknown kind of component 'model'; did you mean 'architectures'\?$"),
    ):
        with pytest.raises(UnknownNameError, match=sentence):
            registry.bind(kind, spec)
    with pytest.raises(UnknownNameError, match=r"^unknown component 'wgangp'; did you mean 'wgan-"):
        registry.find("wgangp")


def test_an_unknown_name_may_be_a_failed_plugins(site):
    site.add("dist", "1 / 0")
    with pytest.raises(UnknownNameError) as caught:
        site.load().bind("loss", "hinge")
    failed = " (failed to load: dist:plugin; see `ganbench plugins`)"
    assert str(caught.value) == f"unknown loss 'hinge'; none exist{failed}"


@pytest.mark.parametrize(
    ("target", "body", "problem"),
    [
        ("not_there:X", "", "be imported from 'not_there:X': ModuleNotFoundError: No module named"),
        ("{M}:Missing", "", "AttributeError: module 'site_module_1' has no attribute 'Missing'"),
        (
            "{M}:X",
            "raise SystemExit(3)",
            "cannot be imported from 'site_module_1:X': SystemExit: 3",
        ),
        ("{M}:X", "X = 3", "does not derive from ganbench.Loss"),
        ("{M}:X", "from ganbench import Dataset as X", "does not derive from ganbench.Loss"),
        ("{M}:X", "from ganbench import Loss as X", "it does not define discriminator, generator"),
        ("{M}:X", "{LOSS}\nclass X(Example):\n    a: 'Nowhere' = 1", "name 'Nowhere' is not defin"),
    ],
)
def test_classes_that_turn_out_to_be_broken_on_first_use(site, capsys, target, body, problem):
    hook = f"""
    from ganbench import hookimpl
    @hookimpl
    def ganbench_losses(register):
        register("late", "{target.replace("{M}", "site_module_1")}", summary="imported late")
    """
    site.add("dist", hook)
    site.add("other", f"print('loud')\n{body}")
    registry = site.load(GANBENCH_DISABLE_PLUGINS="other")
    info = registry.components("loss")["late"]
    assert "site_module_1" not in sys.modules
    assert (registry.plugins[0].state, info.summary) == ("ok", "imported late")
    assert problem in info.error
    assert info.error.startswith("loss 'late' of dist 1.0 ")
    assert (info.options, info.task, info.paper) == ({}, None, "")
    with pytest.raises(BrokenComponentError) as caught:
        registry.bind("loss", "late")
    assert str(caught.value) == info.error
    assert capsys.readouterr().out == ""


def test_listing_imports_no_heavy_library():
    script = """
import sys, ganbench as gb
assert gb.components("architecture") is not None and "dcgan" not in gb.components("loss")
heavy = {"torch", "torchvision", "numpy", "pandas", "pydantic", "click", "rich", "matplotlib"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
