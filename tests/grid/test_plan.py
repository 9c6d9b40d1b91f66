"""Expansion: which cells there are, how they are resolved, and why some cannot work."""

from pathlib import Path
from typing import ClassVar

import pytest

import ganbench as gb
from ganbench.base.errors import ConflictError, UsageError
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand
from ganbench.registry.specs import split_combined

PAIR = dict.fromkeys(("build",), lambda self, data: None)


def architecture(**members):
    """A made-up architecture that is never built."""
    return type("MadeUp", (gb.Architecture,), {**PAIR, "latent_dim": 2, **members})


def reasons(plan):
    return [cell.reason for cell in plan.cells]


def test_cells_are_all_combinations(plan):
    found = plan(
        architecture=["mlp", "dcgan"], loss=["hinge", "lsgan"], regularizer=["none", "r1+r2"]
    )
    assert {tuple(cell.columns.values()) for cell in found.cells} == {
        (a, loss, "digits", r, "none")
        for a in ("mlp", "dcgan")
        for loss in ("hinge", "lsgan")
        for r in ("none", "r1+r2")
    }
    assert len(found.cells) == 8
    assert found.skipped == ()


def test_trials_are_cells_times_seeds(plan):
    trials = list(plan(loss=["hinge", "lsgan"], seeds=[7, 3]).trials())
    assert [(t.cell.loss.spec, t.seed) for t in trials] == [
        *(("hinge", 7), ("hinge", 3)),
        *(("lsgan", 7), ("lsgan", 3)),
    ]


def test_what_is_written_in_several_ways_is_one_cell(plan):
    specs = ["mlp", "ganbench:mlp", " mlp [ latent_dim = 100 ]", "mlp[]"]
    (cell,) = plan(architecture=specs, regularizer=["r1 + r2", "r1+r2[every=1]"]).cells
    assert cell.columns["architecture"] == "mlp"
    assert cell.columns["regularizer"] == "r1+r2"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("r1", ["r1"]),
        ("r1[gamma=1e+2]+r2", ["r1[gamma=1e+2]", "r2"]),
        ('a[b="x]+y"]+c[d=[1,2]]', ['a[b="x]+y"]', "c[d=[1,2]]"]),
    ],
)
def test_plus_signs_combine_outside_brackets_and_quotes(text, parts):
    assert split_combined(text) == parts


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"architecture": ["mpl"]}, "unknown architecture 'mpl'; did you mean 'mlp'?"),
        ({"architecture": ["hinge"]}, "unknown architecture 'hinge'; 'hinge' is a loss"),
        (
            {"architecture": ["mlp[widths=3]"]},
            "no option 'widths'; did you mean 'd_widths' or 'g_widths'?",
        ),
        ({"architecture": ["mlp[latent_dim=0]"]}, "latent_dim=0 is not allowed; it takes int, at"),
        ({"architecture": ["mlp[maxout=1]"]}, "architecture 'mlp': maxout=1 would make"),
        ({"loss": ["hinge["]}, "bad spec 'hinge['"),
        ({"loss": ["x:hinge"]}, "unknown loss 'hinge' in 'x'; known: ganbench:hinge"),
        ({"dataset": ["folder"]}, "dataset 'folder' needs the option path=…"),
        ({"dataset": ["folder[path=/no/where]"]}, "found no folder or archive /no/where"),
        ({"regularizer": ["r1+"]}, "bad spec 'r1+': a component is missing beside a plus sign"),
        ({"evaluation": {"extractor": "pixel"}}, "unknown extractor 'pixel'; did you mean"),
    ],
)
def test_mistakes_refuse_the_grid(plan, changes, problem):
    with pytest.raises(UsageError) as caught:
        plan(**changes)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_contested_name_refuses_the_grid_and_a_qualified_one_is_clear(plan, provided):
    loss = type(gb.get("loss", "hinge"))
    provided(distribution="first", loss={"mine": loss})
    provided(distribution="second", loss={"mine": loss})
    with pytest.raises(ConflictError, match=r"'mine' is claimed .* 'first:mine' or 'second:mine'"):
        plan(loss=["mine"])
    (cell,) = plan(loss=["second:mine"]).cells
    assert cell.loss.info.provider == "second"


class TestCellsThatCannotWork:
    def test_a_gradient_penalty_needs_a_critic_that_judges_each_sample(self, plan):
        found = plan(architecture=["dcgan[d_norm=batch]"], loss=["wgan-gp", "hinge"])
        (cell,) = found.skipped
        assert cell.label == "dcgan[d_norm=batch] × wgan-gp × digits"
        assert cell.reason.startswith("wgan-gp: the penalty takes the gradient of each sample")
        assert cell.reason.endswith("way out: d_norm=auto, layer, instance, spectral or none")
        assert plan(architecture=["dcgan[d_norm=batch]"], regularizer=["r1"]).skipped

    def test_without_advice_the_way_out_is_another_architecture(self, plan, provided):
        provided(architecture={"mixing": architecture(capabilities=lambda self, data: ())})
        (reason,) = reasons(plan(architecture=["mixing"], loss=["wgan-gp"]))
        assert reason.endswith(
            "and mixing does not offer per-sample-critic; way out: another architecture"
        )

    def test_a_design_refuses_data_that_it_cannot_make(self, plan):
        found = plan(architecture=["dcgan", "mlp"], dataset=["ring"])
        (cell,) = found.skipped
        assert cell.reason == "dcgan makes images, not points in 2 dimensions: use mlp for points"

    def test_an_extractor_refuses_data_that_it_knows_nothing_of(self, plan):
        (cell,) = plan(dataset=["ring"], evaluation={"extractor": "small-cnn"}).skipped
        assert "use the extractor pixels" in cell.reason
        (cell,) = plan(dataset=["celeba"], evaluation={"extractor": "small-cnn"}).skipped
        assert cell.reason.startswith("small-cnn learns from labels, but the data has none; use ")

    def test_a_class_conditional_architecture_needs_classes(self, plan, provided):
        provided(architecture={"by-class": architecture(task="class-conditional")})
        found = plan(architecture=["by-class"], dataset=["digits", "ring"])
        assert [cell.dataset.spec for cell in found.runnable] == ["digits"]
        (cell,) = found.skipped
        assert "the data has no classes; way out: data with classes" in cell.reason

    def test_a_task_that_nothing_trains(self, plan, provided):
        provided(architecture={"dubbing": architecture(task="dubbing")})
        assert reasons(plan(architecture=["dubbing"])) == [
            "dubbing is for dubbing, which this version does not train"
        ]

    def test_a_split_that_the_data_lacks(self, plan, provided):
        base = type(gb.get("dataset", "digits"))
        provided(dataset={"half": type("Half", (base,), {"splits": ("train",)})})
        (reason,) = reasons(plan(dataset=["half"], evaluation={"reference_split": "test"}))
        assert reason == ("half has no test split; way out: evaluation.reference_split = train")


def fail(*arguments):
    raise ZeroDivisionError("by\nzero")


def leave(*arguments):
    raise SystemExit(0)


@pytest.mark.parametrize(
    ("kind", "members", "problem"),
    [
        ("architecture", {"problem": fail}, "ZeroDivisionError: by zero"),
        ("architecture", {"resolve": leave}, "SystemExit: 0"),
        ("architecture", {"resolve": lambda *_: None}, "expected a MadeUp, got None"),
        ("architecture", {"capabilities": lambda *_: None}, "TypeError"),
        ("architecture", {"recommends": {"lrr": 1}}, "recommends: [training] has no option 'lrr'"),
        ("architecture", {"recommends": property(fail)}, "ZeroDivisionError: by zero"),
        ("loss", {"penalties": fail}, "ZeroDivisionError: by zero"),
        ("loss", {"needs": 3}, "AttributeError"),
        ("dataset", {"spec": fail}, "ZeroDivisionError: by zero"),
        ("dataset", {"spec": lambda *_: (1, 8, 8)}, "expected a DataSpec, got (1, 8, 8)"),
        ("extractor", {"problem": leave}, "SystemExit: 0"),
    ],
)
def test_what_a_component_does_wrong_is_a_problem_of_its_own_cells(
    plan, provided, kind, members, problem
):
    good = {"architecture": "mlp", "loss": "wgan-gp", "dataset": "digits", "extractor": "pixels"}
    base = architecture() if kind == "architecture" else type(gb.get(kind, good[kind]))
    provided(**{kind: {"broken": type("MadeUp", (base,), members)}})
    if kind == "extractor":
        found = plan(evaluation={"extractor": "broken"})
    else:
        found = plan(**{"loss": ["wgan-gp"], kind: [good[kind], "broken"]})
        assert len(found.runnable) == 1
    (cell,) = found.skipped
    assert problem in cell.reason
    assert f"{kind} broken of under-test 1.0 does not keep its contract" in cell.reason
    assert "\n" not in cell.reason
    assert cell.identity  # it still has a row


def test_options_that_can_change_are_refused(plan, provided):
    import dataclasses

    members = {"sizes": dataclasses.field(default_factory=list), "__annotations__": {"sizes": list}}
    provided(architecture={"listed": architecture(**members)})
    with pytest.raises(
        UsageError, match="option sizes is of type list, which can change: use tuple"
    ):
        plan(architecture=["listed"])


def test_automatic_options_are_resolved_for_each_cell_and_the_cell_keeps_its_name(plan):
    found = plan(architecture=["dcgan"], loss=["hinge", "wgan-gp"])
    assert [cell.columns["architecture"] for cell in found.cells] == ["dcgan", "dcgan"]
    assert [cell.architecture.spec for cell in found.cells] == [
        "dcgan[d_norm=batch]",
        "dcgan[d_norm=layer]",
    ]


def test_settings_are_resolved_for_each_cell_from_what_its_components_recommend(plan, provided):
    class Recommending(gb.Architecture):
        recommends: ClassVar = {"d_lr": 1e-3, "d_steps": 2, "g_lr": 1e-3}
        latent_dim: int = 2

        def build(self, data): ...

    provided(architecture={"recommending": Recommending})
    found = plan(
        architecture=["mlp", "recommending"],
        loss=["hinge", "wgan-gp"],
        training={"g_lr": 1e-5},
    )
    resolved = {tuple(c.columns.values())[:2]: c.training for c in found.cells}
    both = resolved["recommending", "wgan-gp"]
    values = {name: (getattr(both.settings, name), both.sources[name]) for name in both.sources}
    assert values["flip"] == (False, "dataset")
    assert values["d_steps"] == (5, "loss")
    assert values["d_lr"] == (1e-4, "loss")
    assert values["g_lr"] == (1e-5, "grid")
    assert values["batch_size"] == (64, "default")
    assert resolved["recommending", "hinge"].sources["d_lr"] == "architecture"
    assert resolved["mlp", "hinge"].sources["d_lr"] == "default"


def test_recommendations_that_conflict_are_a_problem_of_their_own_cells(plan, provided):
    base = type(gb.get("loss", "hinge"))
    provided(
        architecture={"sharing": architecture(recommends={"fakes": "shared"})},
        loss={"afresh": type("MadeUp", (base,), {"recommends": {"reals": "fresh"}})},
    )
    axes = {"architecture": ["mlp", "sharing"], "loss": ["hinge", "afresh"]}
    (cell,) = plan(**axes).skipped
    assert [cell.columns[kind] for kind in axes] == ["sharing", "afresh"]
    assert "recommend does not go together" in cell.reason
    assert "set reals=shared, or fakes=fresh" in cell.reason
    assert cell.identity
    assert not plan(**axes, training={"fakes": "fresh"}).skipped
    with pytest.raises(UsageError, match="set reals=shared, or fakes=fresh"):
        plan(**axes, training={"reals": "fresh"})


def test_the_automatic_extractor_is_the_data_sets_own(plan):
    found = plan(dataset=["digits", "ring"], evaluation={"extractor": "auto"})
    assert [cell.extractors[0].spec for cell in found.cells] == ["small-cnn", "pixels"]


def test_what_plugins_print_stays_off_standard_output(plan, provided, capsys):
    def chatty(self, data):
        print("look at me")

    provided(architecture={"chatty": architecture(problem=chatty)})
    assert reasons(plan(architecture=["chatty"])) == [None]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("spec", ["none+r1", "r1+r1"])
def test_a_combination_that_says_nothing_new_is_refused(spec):
    grid = Grid.from_dict(
        {
            "grid": {
                "architecture": ["mlp"],
                "loss": ["hinge"],
                "dataset": ["digits"],
                "regularizer": [spec],
            }
        }
    )
    with pytest.raises(UsageError, match="r1"):
        expand(grid, Path())
