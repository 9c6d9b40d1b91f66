"""``list``, ``info`` and ``plugins``."""

import json

import pytest
from click.testing import CliRunner

import ganbench as gb
from ganbench import PER_SAMPLE_CRITIC, Architecture, Augmentation, Dataset, Loss, option
from ganbench.cli.app import app
from ganbench.registry import PluginRecord, PluginState, Registry, lookup
from ganbench.registry.plugins import Registration
from ganbench.testing import installed


class Wide(Architecture):
    """An architecture.

    With a second paragraph.
    """

    paper = "Author 2026"
    width: int = option(8, "channels", ge=1)
    norm: str = "none"
    latent_dim: int = 4

    def problem(self, data):
        return "it makes no points" if data.kind == "points" else None

    def capabilities(self, data):
        raise RuntimeError("not today")

    def build(self, data):
        raise NotImplementedError


class Modes(Architecture):
    """Whatever its options make of it."""

    mode: str = "unconditional"
    fake_pool: int = 0
    latent_dim: int = 4
    truncates = True
    recommends = {"g_lr": 0.1, "d_lr": 0.1, "g_betas": (0.0, 0.9), "d_betas": (0.5, 0.9)}  # noqa: RUF012

    @property
    def task(self):
        return self.mode

    def problem(self, data):
        return "too large" if data.height > 64 else None

    def capabilities(self, data):
        return frozenset({PER_SAMPLE_CRITIC} if self.latent_dim == 5 else ())

    def resolve(self, needs, data):
        return Modes(mode=self.mode, latent_dim=5) if PER_SAMPLE_CRITIC in needs else self

    def advance(self, network, progress):
        raise NotImplementedError

    def build(self, data):
        raise NotImplementedError


class Grey(Augmentation):
    """For grey images."""

    def problem(self, data):
        return None if data.channels == 1 else f"it changes grey images, not {data}"

    def apply(self, images, random, state):
        raise NotImplementedError


class Even(Loss):
    recommends = {"d_steps": 5, "betas": (0.0, 0.9)}  # noqa: RUF012
    needs = {"per-sample-critic": "it must be so"}  # noqa: RUF012
    generator_uses_real = False

    def discriminator(self, real, fake):
        raise NotImplementedError

    def generator(self, real, fake):
        raise NotImplementedError


class Folder(Dataset):
    path: str
    size: int = 64

    def load(self, split, root):
        raise NotImplementedError


@pytest.fixture
def registry(monkeypatch):
    home = PluginRecord("core", "ganbench", "1.0", "core", load_ms=1.25)
    other = PluginRecord("extra", "elsewhere", "2.0", "extra", provides=["loss:even"])
    failed = PluginRecord("bad", "hostile", "3.0", "bad")
    failed.note_fault(PluginState.FAILED, "ValueError: no", "bad.py:7")
    registrations = [
        Registration("architecture", "wide", Wide, "A wide one", home),
        Registration("architecture", "modes", Modes, "", home),
        Registration("augmentation", "grey", Grey, "", home),
        Registration("loss", "even", Even, "An even one", other),
        Registration("loss", "late", "nowhere:Late", "A broken one", other),
        Registration("dataset", "folder", Folder, "A folder", home),
        Registration("dataset", "even", Folder, "Even data", home),
    ]
    registry = Registry([home, other, failed], registrations)
    monkeypatch.setattr(lookup, "_default", registry)
    return registry


def ganbench(*arguments, code=0):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    return result


def test_list_of_one_kind(registry):
    for kind in ("losses", "loss"):
        result = ganbench("list", kind)
        assert result.stdout.splitlines() == [
            "even  elsewhere 2.0  An even one",
            "late  elsewhere 2.0  A broken one",
        ]
        assert result.stderr == "In trouble, see `ganbench plugins`: hostile:bad\n"


def test_list_of_all_kinds(registry):
    lines = ganbench("list").stdout.splitlines()
    assert lines[:2] == ["architectures", "  modes  ganbench 1.0"]
    assert lines[2:5] == ["  wide   ganbench 1.0  A wide one", "", "losses"]
    assert lines[-2:] == ["callbacks", "  (none)"]


def test_list_as_json(registry):
    document = json.loads(ganbench("list", "architectures", "--json").stdout)
    assert document[1:] == [
        {
            "kind": "architecture",
            "name": "wide",
            "provider": "ganbench",
            "version": "1.0",
            "plugin": "core",
            "summary": "A wide one",
        }
    ]
    assert len(json.loads(ganbench("list", "--json").stdout)) == 7


def test_list_of_an_unknown_kind(registry):
    assert ganbench("list", "model", code=2).stderr.startswith("Error: unknown kind of component")


def test_info_shows_values_in_effect(registry):
    lines = ganbench("info", "wide[width=3,norm=none]").stdout.splitlines()
    assert lines == [
        "architecture wide[width=3]",
        "  A wide one",
        "  provider      ganbench 1.0 (plugin core)",
        "  paper         Author 2026",
        "  task          unconditional",
        "  latent dim    4",
        "  capabilities  (cannot tell: RuntimeError: not today)",
        "  works with    28x28 gray images, 32x32 color images, 64x64 color images, "
        "256x256 color images",
        "  not with      points in 2 dimensions: it makes no points",
        "",
        "  option      value  default  takes",
        "  width       3      8        int, at least 1  channels",
        "  norm        none   none     str",
        "  latent_dim  4      4        int",
        "",
        "  An architecture.",
        "",
        "  With a second paragraph.",
    ]


def facts(spec):
    """The facts that ``info`` shows as text, by label."""
    lines = ganbench("info", spec).stdout.partition("\n\n")[0].splitlines()
    found, label = {}, ""
    for line in lines[1:]:
        name, _, text = line.strip().partition("  ")
        label, text = (label, line.strip()) if line.startswith("      ") else (name, text.strip())
        found.setdefault(label, []).append(text)
    return found


def test_info_tells_the_task_of_the_given_options_and_tries_what_is_for_it(registry):
    told = facts("modes[mode=class-conditional]")
    assert told["task"] == ["class-conditional"]
    (unlabelled,) = [line for line in told["not with"] if "without labels" in line]
    assert "32x32 color images without labels: modes is class-conditional" in unlabelled
    told = facts("modes[mode=paired-translation,fake_pool=50]")
    assert told["task"] == ["paired-translation"]
    assert told["works with"] == [
        "28x28 gray images with paired gray sources, 32x32 color images with paired gray sources"
    ]
    assert told["not with"] == ["256x256 color images with paired color sources: too large"]
    assert "latent dim" not in told
    assert "unpaired" in facts("modes[mode=unpaired-translation]")["works with"][0]
    assert "sources" not in facts("modes")["works with"][0]


def test_info_tells_what_a_design_can_do(registry):
    told = facts("modes[fake_pool=50]")
    assert told["traits"] == [
        "grows while it trains, truncation in ganbench sample, a pool of 50 generated images"
    ]
    assert told["on demand"] == ["per-sample-critic"]
    assert told["recommends"] == ["lr: 0.1, g_betas: [0.0,0.9], d_betas: [0.5,0.9]"]
    assert "traits" not in facts("wide")
    document = json.loads(ganbench("info", "modes", "--json").stdout)
    assert document["recommends"]["g_lr"] == 0.1
    assert document["capabilities"] == []


def test_info_tells_what_an_augmentation_is_for(registry):
    told = facts("grey")
    assert told["works with"] == ["28x28 gray images"]
    assert told["not with"][0] == (
        "32x32 color images: it changes grey images, not 32x32 color images"
    )


def test_info_shows_what_is_left_of_a_component_that_cannot_tell_its_task(registry, monkeypatch):
    monkeypatch.setattr(Modes, "task", property(lambda self: 1 / 0))
    told = facts("modes")
    assert told["task"] == ["(cannot tell: ZeroDivisionError: division by zero)"]
    assert "works with" not in told


def test_info_as_json(registry):
    document = json.loads(ganbench("info", "wide[width=3]", "--json").stdout)
    assert document["description"] == "An architecture.\n\nWith a second paragraph."
    assert document["options"]["width"] == {
        "type": "int",
        "default": 8,
        "value": 3,
        "required": False,
        "choices": [],
        "bounds": {"ge": 1},
        "allowed": "int, at least 1",
        "help": "channels",
    }
    assert document["not_with"] == {"points in 2 dimensions": "it makes no points"}
    assert "also" not in document


def test_info_shows_all_kinds_that_have_the_name(registry):
    first, second = ganbench("info", "even").stdout.split("\n\ndataset ")
    assert first.startswith("loss even\n")
    assert "recommends           d_steps: 5, betas: [0.0,0.9]" in first
    assert "needs                per-sample-critic: it must be so" in first
    assert "It has no options." in first
    assert second.startswith("even\n")
    document = json.loads(ganbench("info", "even", "--json").stdout)
    assert (document["kind"], [o["kind"] for o in document["also"]]) == ("loss", ["dataset"])
    document = json.loads(ganbench("info", "even", "--kind", "dataset", "--json").stdout)
    assert document["kind"] == "dataset"
    result = ganbench("info", "even[size=3]")
    assert result.stdout.startswith("dataset even\n")


def test_info_on_what_needs_an_option_still_tells_the_rest(registry):
    lines = ganbench("info", "folder[size=3]").stdout.splitlines()
    assert lines[-2:] == ["  path           (required)  str", "  size    3      64          int"]
    assert ganbench("info", "folder[sze=3]", code=2).stderr == (
        "Error: dataset 'folder' has no option 'sze'; did you mean 'size'?\n"
    )


def test_info_on_what_is_broken_or_unknown(registry):
    result = ganbench("info", "late")
    assert "error     loss 'late' of elsewhere 2.0 cannot be imported" in result.stdout
    assert json.loads(ganbench("info", "late", "--json").stdout)["error"]
    assert "did you mean 'wide'?" in ganbench("info", "wid", code=2).stderr
    assert "is not closed" in ganbench("info", "wide[", code=2).stderr


def test_plugins(registry):
    assert ganbench("plugins").stdout.splitlines() == [
        "plugin  distribution  version  state   ms      provides",
        "core    ganbench      1.0      ok         1.2",
        "extra   elsewhere     2.0      ok         0.0  loss:even",
        "bad     hostile       3.0      failed     0.0",
        "    bad.py:7: ValueError: no",
    ]
    core, _, bad = json.loads(ganbench("plugins", "--json").stdout)
    assert core["load_ms"] == 1.25
    assert (bad["distribution"], bad["state"], bad["error"]) == (
        "hostile",
        "failed",
        "ValueError: no",
    )


class Tilted(gb.Schedule):
    """A schedule that gives what
    no rate can be multiplied by.

    And more words.
    """

    def factor(self, progress, window):
        return [1.0]


def test_info_says_each_thing_once_and_what_a_schedule_gives_wrongly():
    class Plugin:
        @gb.hookimpl
        def ganbench_schedules(self, register):
            register("tilted", Tilted)

    with installed(Plugin()):
        text = ganbench("info", "tilted").stdout
    assert text.count("no rate can be multiplied by.") == 1
    assert text.endswith("  And more words.\n")
    assert "Tilted.factor gives [1.0] at a share of 0 of the budget: return a finite number" in text
