"""The metrics that a grid asks for: their options, their extractors, and the primary one."""

from __future__ import annotations

import pytest

import ganbench as gb
from ganbench.base.errors import UsageError
from ganbench.grid.metrics import default_metrics, split_specs
from ganbench.grid.settings import resolve_evaluation


class Like(gb.Metric):
    """Claims a column of another metric."""

    needs = ("features",)
    columns = (gb.Column("kid_mean", better="lower", meaning="taken"),)

    def compute(self, fake, reference):
        return {"kid_mean": 0.0}


class Late(gb.Metric):
    """Is measured at the end."""

    needs = ("features",)
    every_tick = False
    columns = (gb.Column("late", better="lower", meaning="it"),)

    def compute(self, fake, reference):
        return {"late": 0.0}


def cell(plan, **evaluation):
    return plan(evaluation={"extractor": "pixels", **evaluation}).cells[0]


def named(cell) -> list[str]:
    return [bound.spec for bound in cell.metrics]


def test_without_names_a_grid_has_the_metrics_that_ganbench_takes_by_itself(plan, provided):
    names = [name for name, info in gb.components("metric").items() if info.cls.default]
    assert sorted(default_metrics()) == sorted(names)
    assert "fd-infinity" not in default_metrics(quick=True)

    class Eager(Late):
        default = True
        columns = (gb.Column("eager", better="lower", meaning="it"),)

    provided(metric={"eager": Eager})
    assert named(cell(plan)) == list(default_metrics())
    assert "eager" not in default_metrics()


def test_options_of_metrics_are_settings(plan):
    found = cell(plan, prdc_k=3, kid_subset_size=100, kid_subsets=7)
    assert {"prdc[k=3]", "kid[subset_size=100,subsets=7]", "fd"} <= set(named(found))
    assert found.evaluation_record["prdc_k"] == 3
    assert found.evaluation_record["kid_subsets"] == 7
    plain = cell(plan)
    assert plain.evaluation_record["prdc_k"] == 5
    assert found.id != plain.id


def test_an_option_is_the_same_in_a_spec_and_as_a_setting(plan):
    settings = cell(plan, metrics=["fd", "kid"], kid_subset_size=100)
    spec = cell(plan, metrics=["fd", "kid[subset_size=100]"])
    assert named(settings) == named(spec) == ["fd", "kid[subset_size=100]"]
    assert settings.id == spec.id
    nearer = cell(plan, metrics=["fd", "kid[subset_size=100]"], kid_subset_size=50)
    assert nearer.id == spec.id


def test_what_is_written_out_is_what_is_taken_by_default(plan):
    assert cell(plan, metrics=list(default_metrics())).id == cell(plan).id
    assert cell(plan, prdc_k=5).id == cell(plan).id
    assert cell(plan, primary="fd").id == cell(plan).id


def test_a_text_names_metrics_between_commas(plan):
    text = "fd, kid[subset_size=100,subsets=7] ,fd"
    assert split_specs(text) == ["fd", "kid[subset_size=100,subsets=7]"]
    assert named(cell(plan, metrics=text)) == split_specs(text)


def test_the_primary_column_is_of_one_of_the_metrics(plan):
    assert cell(plan, primary="kid_mean").evaluation.primary == "kid_mean"
    assert cell(plan, metrics=["prdc"], primary="coverage").id != cell(plan).id


def test_several_extractors_stand_in_a_cell_the_primary_one_first(plan):
    both = plan(evaluation={"extractors": ["pixels", "auto"]}).cells[0]
    assert [bound.spec for bound in both.extractors] == ["pixels", "small-cnn"]
    assert both.evaluation_record["extractor"] == "pixels"
    swapped = plan(evaluation={"extractors": ["auto", "pixels"]}).cells[0]
    assert [bound.spec for bound in swapped.extractors] == ["small-cnn", "pixels"]
    assert len({both.id, swapped.id, cell(plan).id}) == 3
    assert plan(evaluation={"extractors": ["pixels"]}).cells[0].id == cell(plan).id


@pytest.mark.parametrize(
    ("evaluation", "problem"),
    [
        ({"prdc_kk": 3}, "[evaluation] has no option 'prdc_kk'; did you mean 'prdc_k'?"),
        ({"sample": 50}, "[evaluation] has no option 'sample'; did you mean 'samples'?"),
        ({"prdc_k": 0}, "k=0 is not allowed; it takes int, at least 1"),
        ({"prdc_k": "many"}, "k=many is not allowed"),
        (
            {"metrics": ["fd"], "prdc_k": 3},
            "[evaluation] has an option of the metric 'prdc', and the metrics do not name it",
        ),
        ({"metrics": ["fd", "kit"]}, "unknown metric 'kit'; did you mean 'kid'?"),
        ({"metrics": ["fd", "kid[size=3]"]}, "no option 'size'"),
        ({"metrics": 3}, "[evaluation]: option metrics=3 is not allowed; it takes [str,…]"),
        ({"metrics": ["fd", "fd"]}, "one is named twice"),
        ({"metrics": ["fd", "kid", "kid[subsets=3]"]}, "both have a column 'kid_mean'"),
        (
            {"metrics": ["fd", "kid", "like"]},
            "the metrics kid and like both have a column 'kid_mean'; name one of them",
        ),
        (
            {"metrics": ["kid"]},
            "evaluation.primary = 'fd' is not a column of the metrics kid: add its metric to "
            "evaluation.metrics, or name another column; known: kid_error, kid_mean, kid_std",
        ),
        ({"primary": "kid_men"}, "did you mean 'kid_mean'?"),
        ({"metrics": ["fd", "late"], "primary": "late"}, "measured at the end of a trial only"),
        ({"primary": "kid_std"}, "it declares neither lower nor higher values as better"),
        (
            {"extractor": "pixels", "extractors": ["pixels", "small-cnn"]},
            "name all of them in extractors, the primary one first",
        ),
        ({"extractor": "auto", "extractors": ["pixels", "pixels"]}, "one is named twice"),
        ({"extractor": "auto", "extractors": ["auto", "small-cnn"]}, "the same component"),
        ({"extractor": "auto", "extractors": ["pixels", "pixel"]}, "did you mean 'pixels'?"),
    ],
)
def test_mistakes_are_named(evaluation, problem, plan, provided):
    provided(metric={"like": Like, "late": Late})
    with pytest.raises(UsageError) as caught:
        cell(plan, **evaluation)
    assert problem in str(caught.value)


def test_the_settings_say_themselves_what_is_wrong():
    with pytest.raises(UsageError, match=r"samples=1 is not allowed"):
        resolve_evaluation({"samples": 1})
    assert resolve_evaluation({"extractors": ["a", "b"]}).extractor_specs == ("a", "b")
    assert resolve_evaluation({"extractor": "a"}).extractor_specs == ("a",)
