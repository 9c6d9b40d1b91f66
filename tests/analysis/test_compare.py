from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from made_up_runs import Row, synthetic_frame, write_synthetic_run

import ganbench as gb
from ganbench.analysis.several_runs import read_several
from ganbench.analysis.statistics.intervals import interval
from ganbench.analysis.statistics.paired import risk_difference
from ganbench.base.errors import UsageError
from ganbench.present.compare_and_rank import Comparison
from ganbench.present.compare_and_rank import compare_frames as compare
from ganbench.present.comparison_frame import table
from ganbench.present.formats import render_results
from ganbench.store.frames import load_results, with_rates

Edit = Callable[[Row], Any]


def compared(edit: Edit = lambda row: row, metric: str = "fd", **shape: Any) -> Comparison:
    frame = synthetic_frame(edit, **shape)
    return compare(frame, "a", frame, "b", metric=metric)


class TestEffect:
    def test_in_one_block_it_is_a_trimmed_mean_of_paired_logarithms(self) -> None:
        frame = synthetic_frame(architectures=("mlp",), seeds=6)
        found = compare(frame, "a", frame, "b")
        a, b = (np.log(frame["fd"][frame["loss"] == loss].to_numpy()) for loss in "ab")
        (line, overall) = found.frame().to_dict("records")
        assert line["effect"] == pytest.approx(math.exp(scipy.stats.trim_mean(a - b, 1 / 6)))
        expected = interval(a - b, "iqm")
        assert (line["effect_low"], line["effect_high"]) == pytest.approx(
            (math.exp(expected.low), math.exp(expected.high))
        )
        assert (line["p"] <= 0.05) == expected.excludes(0.0)
        assert overall["effect"] == line["effect"]

    def test_blocks_count_alike(self) -> None:
        frame = synthetic_frame(
            lambda row: row if row["architecture"] == "mlp" or row["seed"] < 2 else None, seeds=3
        )
        found = compare(frame, "a", frame, "b")
        lines = found.frame()
        gaps = [
            np.log(rows["fd"][rows["loss"] == "a"].to_numpy())
            - np.log(rows["fd"][rows["loss"] == "b"].to_numpy())
            for _, rows in frame.groupby("architecture")
        ]
        assert sorted(map(len, gaps)) == [2, 3]
        expected = math.exp((gaps[0].mean() + gaps[1].mean()) / 2)
        assert lines["effect"].iloc[2] == pytest.approx(expected)
        assert found.record()["statistic"] == "mean"

    def test_a_metric_with_zeros_is_compared_by_differences(self) -> None:
        found = compared(
            lambda row: row | {"precision": 0.0 if row["loss"] == "a" else 0.1 + row["seed"] / 50},
            "precision",
        )
        assert found.scale == "linear"
        assert found.overall.effect.estimate == pytest.approx(-0.13)
        assert "b is better by precision" in found.sentence()

    def test_zeros_that_leave_no_ratio_are_named_as_the_reason(self) -> None:
        found = compared(lambda row: row | {"fd": 0.0 if row["loss"] == "a" else row["fd"]})
        assert "the effect on fd is not finite: zeros have no finite ratio" in found.sentence()
        assert "failures of" not in found.sentence()

    @pytest.mark.parametrize(
        ("seeds", "what"), [(2, "The effect leaves"), (3, "Effect and interval")]
    )
    def test_blocks_of_one_seed_are_left_out_aloud(self, seeds: int, what: str) -> None:
        found = compared(
            lambda row: row if row["architecture"] == "mlp" or not row["seed"] else None,
            seeds=seeds,
        )
        assert f"1 to {seeds} seeds in 2 blocks: " in found.sentence()
        assert f"{what} " in found.sentence()
        assert "out 1 block with one seed only." in found.sentence()

    def test_seeds_are_counted_over_all_blocks_too(self) -> None:
        found = compared(
            lambda row: row if row["seed"] != (0 if row["architecture"] == "mlp" else 3) else None
        )
        assert found.sentence().startswith("3 seeds in 2 blocks, 4 different ones in all: ")

    def test_exchanging_a_and_b_inverts_it(self) -> None:
        frame = synthetic_frame()
        one, other = compare(frame, "a", frame, "b"), compare(frame, "b", frame, "a")
        assert one.overall.effect.estimate == pytest.approx(-other.overall.effect.estimate)
        assert one.overall.better.probability == pytest.approx(1 - other.overall.better.probability)

    def test_speed_is_of_pairs_that_ran_alone_on_equal_devices(self) -> None:
        def edit(row: Row) -> Row:
            shared = row["architecture"] == "mlp" or (row["seed"], row["loss"]) == (0, "a")
            row |= {"exclusive": not shared, "images_per_second": 200.0}
            row |= {"images_per_second": 100.0} if row["loss"] == "a" else {}
            return row | ({"device": "other"} if (row["seed"], row["loss"]) == (1, "b") else {})

        found = compared(edit)
        assert found.overall.speed_pairs == 2
        assert math.exp(found.overall.speed.estimate) == pytest.approx(0.5)
        alone = compared(lambda row: row | {"exclusive": False})
        assert "Speeds are not compared" in alone.sentence()


class TestSpeedAndBudget:
    @staticmethod
    def five_for_one(row: Row) -> Row:
        """Loss a takes five discriminator updates in a step, at 1.25 times the images per second."""
        steps, speed = (5, 1000.0) if row["loss"] == "a" else (1, 800.0)
        speed *= 1 + (row["seed"] % 2) * (steps - 3) / 1000
        made, images = row["images"] // 64 // steps, row["images"]
        row |= {"settings": json.dumps({"d_steps": steps}), "steps": made}
        row |= {"setting_sources": json.dumps({"d_steps": "loss"})}
        rates = {"images_per_second": speed, "step_ms": 64_000 * steps / speed}
        return row | rates | {"train_seconds": images / speed}

    def test_updates_stand_beside_images(self) -> None:
        frame = with_rates(synthetic_frame(self.five_for_one))
        found = compare(frame, "a", frame, "b")
        text, told = found.sentence(), found.record()
        assert "Per second of training, a sees 1.25" in text
        assert "as many real images as b and makes 0.25" in text
        assert "has 5 discriminator updates in a and 1 discriminator update in b" in text
        assert "a trained on 200,000 real images in 625 generator updates" in text
        assert told["overall"]["updates"] == pytest.approx(0.25, rel=0.01)
        assert (told["overall"]["steps_a"], told["overall"]["steps_b"]) == (625, 3125)
        assert told["critic_steps"] == {"a": [5], "b": [1]}
        assert "updates/s A / B" in table(found, "markdown")
        by_updates = compare(frame, "a", frame, "b", metric="steps_per_second")
        assert math.exp(by_updates.overall.effect.estimate) == pytest.approx(0.25, rel=0.01)

    def test_equal_steps_need_one_ratio(self) -> None:
        frame = with_rates(synthetic_frame())
        found = compare(frame, "a", frame, "b")
        assert "the speed of b, in real images and in generator updates, over 8" in found.sentence()
        assert "updates/s" not in table(found, "markdown")

    def test_tables_say_what_the_budget_came_to(self) -> None:
        frame = with_rates(synthetic_frame(self.five_for_one))
        text = render_results(frame, "markdown", by_cell=True)
        assert (
            "with 1 discriminator update: 200,000 real images and 3,125 generator updates" in text
        )
        assert "with 5 discriminator updates: 200,000 real images and 625 generator updates" in text
        assert "steps/s" in text
        assert "steps/s" not in render_results(
            with_rates(synthetic_frame()), "markdown", by_cell=True
        )


class TestOutcomes:
    def test_verdicts_are_counted_beside_failures(self) -> None:
        def edit(row: Row) -> Row:
            lost = row["loss"] == "a" and row["seed"] > 0
            return row | {"verdict": "never-learned" if lost else "stable"}

        found = compared(edit, seeds=7)
        told = found.overall.outcomes["never-learned"]
        assert told.counts == (12, 0)
        alone = risk_difference(
            np.arange(7) > 0, np.zeros(7, dtype=bool)
        )  # seven seeds, not 14 pairs
        assert told.risk.estimate == pytest.approx(12 / 14)
        assert told.risk.interval.low == pytest.approx(alone.interval.low)
        assert "12 of 14 trials of a never learned, 0 of 14 of b" in found.sentence()
        assert "a did so more often" in found.sentence()
        line = found.frame().iloc[-1]
        assert (line["never_learned_a"], line["never_learned_b"]) == (12, 0)
        assert "A never-learned" in table(found, "markdown")

    def test_a_failed_trial_has_no_other_outcome(self) -> None:
        found = compared(lambda row: row | {"status": "oom", "verdict": "never-learned"})
        assert found.overall.outcomes["never-learned"].counts == (0, 0)

    def test_every_claim_says_what_its_seeds_cannot_see(self) -> None:
        for seeds, share in ((3, 63), (4, 53), (10, 26)):
            found = compared(seeds=seeds)
            assert f"{seeds} seeds may miss an event that hits fewer than {share} %" in (
                found.sentence()
            )
            assert found.record()["unseen"] == pytest.approx(1 - 0.05 ** (1 / seeds))
        assert compared(seeds=2).record()["unseen"] is None


class TestBlocks:
    def test_a_setting_of_the_component_is_no_block(self) -> None:
        def edit(row: Row) -> Row:
            lr = 2e-4 if row["loss"] == "a" else 1e-4
            sources = {"d_lr": "loss" if row["loss"] == "b" else "default", "batch_size": "grid"}
            settings = {"d_lr": lr, "batch_size": 64}
            return row | {"settings": json.dumps(settings), "setting_sources": json.dumps(sources)}

        found = compared(edit)
        assert len(found.blocks) == 2
        assert found.notes == ["d_lr: 0.0002 against 0.0001"]

    def test_a_setting_of_the_grid_is_one(self) -> None:
        def edit(row: Row) -> Row:
            settings = {"batch_size": 64 if row["seed"] < 2 else 32}
            return row | {"settings": json.dumps(settings), "setting_sources": "{}"}

        found = compared(edit, architectures=("mlp",))
        assert sorted(block.label for block in found.blocks) == [
            "mlp × digits (batch_size 32)",
            "mlp × digits (batch_size 64)",
        ]

    def test_trials_under_two_names_count_once(self) -> None:
        def edit(row: Row) -> Row | None:
            lacking = (row["architecture"], row["seed"]) == ("mlp", 3)
            return None if lacking else row | {"resolved_architecture": "dcgan[width=32]"}

        found = compared(edit)
        assert [block.label for block in found.blocks] == ["dcgan[width=32] × digits"]
        assert "resolve to what dcgan[width=32] × digits trains" in found.left_out[0].reason
        apart = compared(lambda row: row | {"resolved_architecture": row["architecture"]})
        assert len(apart.blocks) == 2

    def test_what_one_side_lacks_is_told(self) -> None:
        def edit(row: Row) -> Row:
            if row["loss"] == "b" and row["architecture"] != "mlp":
                return row | {"status": "skipped", "error": "no room", "extractor": None}
            if row["loss"] == "b" and row["seed"] == 3:
                return row | {"status": "interrupted"}
            return row

        found = compared(edit)
        assert [(item.label, item.reason) for item in found.left_out] == [
            ("mlp × digits", "seeds that not all have: 3"),
            ("dcgan[width=32] × digits", "b was skipped: no room"),
        ]
        assert "3 seeds in one block" in found.sentence()
        assert "it says nothing about other blocks" in found.sentence()

    def test_one_that_never_got_as_far_as_its_features_still_meets_the_other(self) -> None:
        early = {"status": "error", "extractor": None, "fd": None}
        found = compared(lambda row: row | (early if row["loss"] == "a" else {}))
        assert found.overall.failed == (8, 0)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"budget": "1img"}, r"never trained in the same block \(budget: 1img against 200"),
            ({"extractor": "x:1/1:train"}, r"\(features: x:1/1:train against small-cnn"),
            ({"regularizer": "r1"}, r"\(regularizer: r1 against none\)"),
            ({"batch_size": 3}, r"\(batch size: 3 against 64\)"),
            ({"seed": 9}, "the trials share no seed"),
            ({"protocol": "0"}, "cannot compare trials of different protocols"),
            ({"status": "skipped", "error": "why"}, "a has no trial that ended; skipped: why"),
            ({"fd": None}, "these trials have no fd; they have "),
        ],
    )
    def test_nothing_in_common(self, changes: Row, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            compared(lambda row: row | changes if row["loss"] == "a" else row, seeds=1)


class TestNames:
    losses = ("hinge", "soft[k=1]", "soft[k=2]")

    @pytest.mark.parametrize(
        ("a", "b", "axis", "message"),
        [
            ("hinje", "mlp", None, "no component 'hinje' among these trials; did you mean 'hinge'"),
            ("soft", "hinge", None, r"'soft' fits soft\[k=1\], soft\[k=2\]: write one"),
            ("hinge", "mlp", None, "'hinge' is a loss and 'mlp' is an architecture"),
            ("hinge", "hinge", None, "both hinge: there is nothing to compare"),
            ("none", "none", None, "can be a regularizer or an augmentation: say which with --by"),
            ("hinge", "mlp", "loss", "no loss 'mlp' among these trials"),
            ("hinge", "mlp", "dataset", "data sets cannot be compared"),
            ("digits", "hinge", None, "'digits' is a data set"),
            ("hinge", "mlp", "los", "unknown --by 'los'; did you mean 'loss'"),
            ("\x1b[2J", "mlp", None, r"no component '\[2J'"),
        ],
    )
    def test_wrong_ones(self, a: str, b: str, axis: str | None, message: str) -> None:
        frame = synthetic_frame(losses=self.losses)
        with pytest.raises(UsageError, match=message):
            compare(frame, a, frame, b, axis)

    def test_specs_are_compared_by_meaning(self) -> None:
        frame = synthetic_frame(losses=self.losses)
        found = compare(frame, " soft[ k = 2 ]", frame, "hinge")
        assert (found.a, found.b, found.axis) == ("soft[k=2]", "hinge", "loss")
        assert compare(frame, "dcgan", frame, "mlp").axis == "architecture"

    @pytest.mark.parametrize(
        ("metric", "message"),
        [
            ("fdd", "no metric 'fdd'; did you mean 'fd'"),
            ("seed", "cannot compare by 'seed': its better direction is not declared"),
            ("fid", "these trials have no fid; they have fd, fd_best"),
        ],
    )
    def test_wrong_metrics(self, metric: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            compared(metric=metric)

    def test_wrong_levels(self) -> None:
        frame = synthetic_frame()
        with pytest.raises(UsageError, match=r"such as 0\.95, not 95"):
            compare(frame, "a", frame, "b", level=95)


class TestSentence:
    def test_a_strong_effect(self) -> None:
        text = compared(
            lambda row: row | {"fd": row["fd"] * (2 if row["loss"] == "a" else 1)}
        ).sentence()
        assert text.startswith("4 seeds in 2 blocks: a's fd, leaving out the lowest and the")
        assert "in these blocks on average, b is better by fd" in text
        assert "No trial failed" in text

    def test_no_effect_is_neither_a_difference_nor_equality(self) -> None:
        text = compared().sentence()
        assert "the data do not tell them apart" in text
        assert "do not show that they are equal" in text
        assert "better by" not in text

    def test_one_seed(self) -> None:
        text = compared(seeds=1).sentence()
        assert "1 seed in 2 blocks" in text
        assert "one seed gives no interval and says nothing about other seeds" in text
        assert "(95 % interval" not in text

    def test_blocks_that_contradict_each_other(self) -> None:
        def edit(row: Row) -> Row:
            worse = (row["loss"] == "a") == (row["architecture"] == "mlp")
            return row | {"fd": row["fd"] * (3 if worse else 1)}

        text = compared(edit).sentence()
        assert (
            "contradict each other beyond chance: a is better in dcgan[width=32] × digits" in text
        )
        assert "better by" not in text

    def test_failures_count_as_the_worst_and_are_told(self) -> None:
        found = compared(
            lambda row: row | ({"status": "oom", "fd": None} if row["loss"] == "a" else {})
        )
        text = found.sentence()
        assert "not finite: failed trials of a count as the worst" in text
        assert "8 of 8 trials of a failed, 0 of 8 of b" in text
        assert "a did so more often" in text
        assert found.overall.better.probability == 0.0
        assert found.record()["overall"]["effect"] is None

    def test_one_failure_bounds_nothing_on_its_side(self) -> None:
        found = compared(
            lambda row: (
                row | ({"status": "diverged"} if (row["loss"], row["seed"]) == ("a", 0) else {})
            )
        )
        assert found.overall.effect.statistic == "median"
        assert found.overall.effect.interval.high == math.inf
        assert "by the median over seeds as trials failed" in found.sentence()
        assert "2 of 8 trials of a failed" in found.sentence()

    def test_a_failure_is_the_worst_also_where_higher_is_better(self) -> None:
        failed = {"status": "diverged"}
        for metric in ("cs_mean", "precision"):
            found = compared(
                lambda row: row | (failed if (row["loss"], row["seed"]) == ("a", 0) else {}), metric
            )
            assert found.overall.effect.interval.low == -math.inf
            assert "2 of 8 trials of a failed" in found.sentence()

    def test_equal_numbers(self) -> None:
        assert "the same fd in every pair" in compared(lambda row: row | {"fd": 1.0}).sentence()

    def test_it_claims_nothing_when_there_is_nothing(self) -> None:
        """Under the truth of no difference, at most about one text in twenty claims one."""
        claims = sum(_claims(number, 0.0) for number in range(50))
        assert claims <= 7  # more have a chance of 1 in 300, if each claims with 5 %

    def test_it_finds_what_is_there(self) -> None:
        assert sum(_claims(number, 0.7) for number in range(10)) >= 9


def test_samples_that_are_no_result_are_named_beside_the_claim() -> None:
    def noisy(row: Row) -> Row:
        return row | {"samples_note": "noise: no pixel follows its neighbor"}

    assert "No result, whatever the numbers" in table(compared(noisy), "markdown")
    assert "No result" not in table(compared(), "markdown")


def _claims(number: int, effect: float) -> bool:
    dice = np.random.default_rng(number)

    def edit(row: Row) -> Row:
        shift = effect if row["loss"] == "a" else 0
        return row | {"fd": float(np.exp(dice.normal(shift, 0.2)))}

    text = compared(edit, seeds=3 + number % 3).sentence()
    return any(word in text for word in ("is better by", "fails more", "contradict"))


class TestFolders:
    @pytest.fixture
    def folders(self, tmp_path: Path) -> tuple[Path, Path]:
        """The same grid before and after something made every fd a tenth smaller."""
        before, after = tmp_path / "before", tmp_path / "after"
        write_synthetic_run(before, seeds=3, ticks=1)
        write_synthetic_run(
            after,
            seeds=3,
            ticks=1,
            edit=lambda r: r | {"fd": r["fd"] * 0.9 ** (1 + r["seed"] / 99)},
        )
        return before, after

    def test_one_component_before_and_after(self, folders: tuple[Path, Path]) -> None:
        before, after = folders
        found = gb.compare(after, "wgan-gp", against=before)
        assert (found.a, found.b) == (f"wgan-gp in {after}", f"wgan-gp in {before}")
        assert math.exp(found.overall.effect.estimate) == pytest.approx(0.9, abs=0.01)
        assert "better by fd" in found.sentence()

    def test_all_cells_in_common(self, folders: tuple[Path, Path]) -> None:
        found = gb.compare(folders[1], against=folders[0])
        assert len(found.blocks) == 4
        assert found.axis is None
        assert found.blocks[0].label == "dcgan[width=32] × non-saturating × digits"

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            (
                {"protocol": "0"},
                "cannot compare trials of different protocols: protocol 1 in .*, 0 in ",
            ),
            ({"extractor": "x:1/1:train"}, "digits has other features in .* than in "),
            ({"budget": "1img"}, "budget: 200000img against 1img"),
        ],
    )
    def test_runs_that_do_not_compare(
        self, folders: tuple[Path, Path], tmp_path: Path, changes: Row, message: str
    ) -> None:
        write_synthetic_run(tmp_path / "other", seeds=3, ticks=1, edit=lambda row: row | changes)
        with pytest.raises(UsageError, match=message):
            gb.compare(folders[0], against=tmp_path / "other")

    def test_other_data_under_the_same_name(self, folders: tuple[Path, Path]) -> None:
        for path, content in zip(folders, ("aaa", "bbb"), strict=True):
            for trial in path.glob("trials/*/trial.json"):
                identity = json.loads(trial.read_text()) | {"dataset": {"fingerprint": content}}
                trial.write_text(json.dumps(identity))
        with pytest.raises(UsageError, match=r"digits has other content in .* \(aaa\) than in"):
            gb.compare(folders[0], against=folders[1])
        assert len(read_several(folders[:1], warn=print)[0]) == 12

    def test_other_versions_are_only_noted(
        self, folders: tuple[Path, Path], tmp_path: Path
    ) -> None:
        newer = {"ganbench_version": "9.0"}
        write_synthetic_run(tmp_path / "newer", seeds=3, ticks=1, edit=lambda row: row | newer)
        found = gb.compare(folders[0], against=tmp_path / "newer")
        assert found.notes == ["ganbench: 0.1.0 against 9.0"]

    def test_a_frame_of_results_will_do(self, folders: tuple[Path, Path]) -> None:
        frame = load_results(folders[0])
        assert len(compare(frame, "dcgan", frame, "mlp").blocks) == 2


class TestTables:
    def test_hostile_names_are_harmless(self) -> None:
        frame = synthetic_frame(losses=("a<script>|$", "b"))
        found = compare(frame, "a<script>|$", frame, "b")
        assert "<script>" not in table(found, "markdown")
        assert r"a\textless{}script" in table(found, "latex")
        assert "\x1b" not in table(found, "table")

    def test_the_frame_and_its_provenance(self) -> None:
        frame = compared().frame()
        assert frame["context"].tolist()[-1] == "all blocks"
        assert frame["n"].tolist() == [4, 4, 8]
        wanted = {"a": "a", "b": "b", "metric": "fd", "level": 0.95, "seed": 0, "replicates": 2000}
        assert wanted.items() <= frame.attrs.items()

    def test_the_record_is_strict_json(self) -> None:
        record = json.loads(json.dumps(compared().record(), allow_nan=False))
        assert record["contexts"][0]["seeds"] == [0, 1, 2, 3]
        assert record["sentence"].startswith("4 seeds in 2 blocks")
        assert record["effect"] == "ratio a / b"
