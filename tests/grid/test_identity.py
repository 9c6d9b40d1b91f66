"""A trial's id: what it depends on, and what not."""

import dataclasses
import json
import re

import pytest

import ganbench as gb
from ganbench.components.base import option
from ganbench.grid import settings
from ganbench.grid.cell import PROTOCOL
from ganbench.grid.metrics import default_metrics
from ganbench.testing import installed


@pytest.fixture
def ids(plan):
    """The ids of all trials of a small grid, by their names."""

    def find(**changes):
        return {
            (*trial.cell.columns.values(), trial.seed): trial.id
            for trial in plan(**changes).trials()
        }

    return find


def only(ids):
    (trial_id,) = ids.values()
    return trial_id


def test_ids_do_not_depend_on_the_rest_of_the_grid(ids):
    small = ids(architecture=["mlp"], loss=["hinge"], seeds=[1])
    large = ids(
        dataset=["ring", "digits"],
        loss=["lsgan", "hinge"],
        architecture=["dcgan", "mlp"],
        regularizer=["r1", "none"],
        seeds=[2, 1],
        about={"description": "another grid"},
    )
    assert small.items() <= large.items()
    assert len(set(large.values())) == len(large) == 32


def test_ids_do_not_depend_on_the_order_in_which_things_are_written(ids):
    assert only(ids(architecture=["mlp[maxout=2,latent_dim=3]"])) == only(
        ids(architecture=["mlp[latent_dim=3,maxout=2]"])
    )
    one, other = {"lr": 1e-3, "batch_size": 8}, {"batch_size": 8, "d_lr": 1e-3, "g_lr": 1e-3}
    assert only(ids(training=one)) == only(ids(training=other))


def test_writing_out_a_default_changes_nothing(ids):
    assert only(ids()) == only(
        ids(
            architecture=["mlp[latent_dim=100]"],
            training={"batch_size": 64},
            evaluation={"ticks": 10, "extractor": "pixels"},
        )
    )
    assert only(ids(budget={"steps": 2})) == only(ids(budget={"steps": 2.0}))
    assert only(ids(evaluation={})) == only(ids(evaluation={"extractor": "small-cnn"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": ["mlp[latent_dim=99]"]},
        {"architecture": ["mlp[g_widths=[256]]"]},
        {"loss": ["lsgan"]},
        {"loss": ["lsgan[smoothing=0.1]"]},
        {"dataset": ["digits[size=9]"]},
        {"regularizer": ["r1"]},
        {"regularizer": ["r1[gamma=1.0]"]},
        {"regularizer": ["r1+r2"]},
        {"training": {"batch_size": 65}},
        {"training": {"g_betas": [0.5, 0.99]}},
        {"evaluation": {"samples": 99, "extractor": "pixels"}},
        {"evaluation": {"extractor": "small-cnn"}},
        {"evaluation": {"extractor": "small-cnn[features=8]"}},
        {"budget": {"steps": 3}},
        {"budget": {"images": 2}},
        {"budget": {"seconds": 2}},
        {"seeds": [1]},
    ],
    ids=str,
)
def test_everything_that_decides_a_result_changes_the_id(ids, changes):
    assert only(ids(**changes)) != only(ids())


def test_how_fast_steps_are_done_is_no_part_of_a_trial(ids, plan):
    """The executor gives the same bits; compiled networks do not."""
    assert ids(training={"executor": "eager"}) == ids()
    assert ids(training={"compile": True}) != ids()
    record = next(plan(training={"executor": "graph"}).trials()).identity()
    assert "executor" not in {**record["training"], **record["setting_sources"]}


def test_a_rival_for_a_components_name_does_not_change_the_id(ids, provided):
    loss = type(gb.get("loss", "hinge"))
    provided(distribution="mine", version="1.0", loss={"mine": loss})
    first = only(ids(loss=["mine"]))
    provided(distribution="theirs", loss={"mine": loss})
    assert only(ids(loss=["mine:mine"])) == first != only(ids(loss=["theirs:mine"]))


class Plain(gb.Loss):
    def discriminator(self, real, fake):
        return (fake - real).mean()

    def generator(self, real, fake):
        return -fake.mean()


class WithOption(Plain):
    scale: float = 1.0


class Plugin:
    def __init__(self, cls):
        self.cls = cls

    @gb.hookimpl
    def ganbench_losses(self, register):
        register("mine", self.cls)


def test_another_version_of_the_provider_keeps_the_id(ids):
    with installed(Plugin(Plain), "mine", "1.0"):
        before = only(ids(loss=["mine"]))
    with installed(Plugin(Plain), "mine", "1.1"):
        assert only(ids(loss=["mine"])) == before


def test_another_recipe_or_protocol_changes_the_id(ids, monkeypatch):
    before = only(ids())
    for kind, spec in {"loss": "hinge", "architecture": "mlp", "metric": "fd"}.items():
        with monkeypatch.context() as patch:
            patch.setattr(type(gb.get(kind, spec)), "recipe", 2)
            assert only(ids()) != before
    with monkeypatch.context() as patch:
        patch.setattr("ganbench.grid.identity.PROTOCOL", PROTOCOL + 1)
        assert only(ids()) != before
    assert only(ids()) == before


def test_a_new_setting_with_a_neutral_default_keeps_every_id(ids, monkeypatch):
    axes = {"architecture": ["mlp", "dcgan"], "loss": ["hinge", "wgan-gp"], "seeds": [0, 1]}
    before = ids(**axes)
    for name in ("TrainingSettings", "EvaluationSettings"):
        old = getattr(settings, name)
        field = ("novelty", float, option(0.0, "a new setting"))
        new = dataclasses.make_dataclass(name, [field], bases=(old,), frozen=True, kw_only=True)
        monkeypatch.setattr(settings, name, new)
    assert ids(**axes) == before
    assert only(ids(training={"novelty": 1.0})) not in before.values()
    assert only(ids(evaluation={"novelty": 1.0, "extractor": "pixels"})) not in before.values()


def test_a_new_option_with_a_default_keeps_the_id(ids):
    found = {}
    for cls in (Plain, WithOption):
        with installed(Plugin(cls), "mine"):
            found[cls] = only(ids(loss=["mine"]))
    assert found[Plain] == found[WithOption]
    with installed(Plugin(WithOption), "mine"):
        assert only(ids(loss=["mine[scale=1.0]"])) == found[Plain]
        assert only(ids(loss=["mine[scale=2.0]"])) != found[Plain]


def test_a_resolved_option_and_one_that_was_asked_for_are_two_rows(ids):
    found = ids(architecture=["dcgan", "dcgan[d_norm=layer]"], loss=["wgan-gp"])
    assert len(set(found.values())) == 2


def test_ids_are_names_of_folders(ids):
    (trial_id,) = ids(architecture=["mlp[g_widths=[1,2]]"], loss=["wgan-gp"]).values()
    assert re.fullmatch(r"mlp-wgan-gp-digits-s0-[0-9a-f]{10}", trial_id)


def test_the_record_of_a_trial_tells_everything_that_it_was(plan):
    (trial,) = plan(
        architecture=["dcgan[width=4]"], loss=["wgan-gp"], seeds=[5], training={"batch_size": 8}
    ).trials()
    record = json.loads(json.dumps(trial.identity()))
    assert (record["trial"], record["seed"], record["protocol"]) == (trial.id, 5, PROTOCOL)
    assert record["resolved_architecture"] == "dcgan[d_norm=layer,width=4]"
    assert record["columns"]["architecture"] == "dcgan[width=4]"
    assert record["architecture"]["options"]["d_norm"] == "layer"
    assert record["architecture"]["provider"] == "ganbench"
    assert record["architecture"]["version"] == gb.__version__
    assert record["budget"] == {"steps": 2}
    assert record["training"]["batch_size"] == 8
    assert record["evaluation"]["extractor"] == "pixels"
    sources = record["setting_sources"]
    assert {name: sources[name] for name in ("flip", "d_steps", "batch_size", "precision")} == {
        "flip": "dataset",
        "d_steps": "loss",
        "batch_size": "grid",
        "precision": "default",
    }
    assert record["providers"] == f"ganbench=={gb.__version__}"


class Novel(gb.Metric):
    """Measures something new."""

    needs = ("images",)
    columns = (gb.Column("novel", better="lower"),)
    default = True

    def compute(self, fake, reference):
        return {"novel": 0.0}


def test_another_default_metric_keeps_the_ids_of_grids_that_name_no_metrics(ids, monkeypatch):
    class Shipped:
        @gb.hookimpl
        def ganbench_metrics(self, register):
            register("novel", Novel)

    before, named = only(ids()), only(ids(evaluation={"metrics": ["fd", "kid"]}))
    with installed(Shipped(), "ganbench", gb.__version__):
        assert "novel" in default_metrics()
        assert only(ids()) == before
        assert only(ids(evaluation={"metrics": ["fd", "kid"]})) == named != before


def test_a_finished_trial_keeps_its_record_when_another_metric_becomes_a_default(tmp_path, capfd):
    class Shipped:
        @gb.hookimpl
        def ganbench_metrics(self, register):
            register("novel", Novel)

    grid = {
        "grid": {"architecture": ["mlp"], "loss": ["hinge"], "dataset": ["digits"], "seeds": 1},
        "budget": {"steps": 2},
        "evaluation": {"extractor": "pixels", "samples": 40, "ticks": 1},
    }
    out = tmp_path / "run"
    assert gb.run(grid, out, executor="inline").trained == 1
    (record,) = out.glob("trials/*/trial.json")
    before = json.loads(record.read_text())
    with installed(Shipped(), "ganbench", gb.__version__):
        assert gb.run(grid, out, executor="inline", quiet=False).trained == 0
    after = json.loads(record.read_text())
    assert (after | {"sources": 0}) == (before | {"sources": 0})
    assert "does not match" not in capfd.readouterr().err
