"""How ADA applies its sets, and how its probability moves."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import ganbench as gb
from ganbench import DataSpec, Progress
from ganbench.testing import AugmentationTests
from ganbench_augmentations.ada import ADA

CPU = torch.device("cpu")
UP, DOWN = torch.ones(8), -torch.ones(8)


class TestADA(AugmentationTests):
    component = ADA(p=0.9, interval=1)
    data = (DataSpec(1, 8, 8), DataSpec(3, 28, 28), DataSpec(3, 5, 12))


class TestADAWithASchedule(AugmentationTests):
    component = ADA(policy="bgcx", p=0.1, p_final=0.55, anneal=0.5, color_rate=0.5)


def augmented(augmentation: ADA, images: Tensor, *, seed: int = 0) -> Tensor:
    state = augmentation.initial_state(CPU)
    return augmentation.apply(images, torch.Generator().manual_seed(seed), state)


def pictures(count: int, *shape: int) -> Tensor:
    return 2 * torch.rand(count, *shape, generator=torch.Generator().manual_seed(1)) - 1


def changed_share(augmentation: ADA, images: Tensor) -> float:
    return (augmented(augmentation, images) != images).flatten(1).any(1).double().mean().item()


def observe(augmentation: ADA, *batches: Tensor) -> dict[str, Tensor]:
    state = augmentation.initial_state(CPU)
    for logits in batches:
        augmentation.observe(logits, state)
    return state


# --- what is applied


@pytest.mark.parametrize("policy", ["b", "g", "c", "x", "bgcx"])
@pytest.mark.parametrize("channels", [1, 3])
def test_with_probability_0_images_stay_to_the_bit(policy: str, channels: int) -> None:
    images = pictures(30, channels, 8, 8)
    assert torch.equal(augmented(ADA(policy=policy, p=0.0), images), images)


@pytest.mark.parametrize(
    ("policy", "unchanged"),
    [
        # A reflection, a turn and a shift may also be drawn as none.
        ("b", (0.7 + 0.3 / 2) * (0.7 + 0.3 / 4) * (0.7 + 0.3 / 4)),
        ("g", 0.7**4),
        ("c", 0.7**4 * (0.7 + 0.3 / 2)),
        ("x", 0.7),
    ],
)
def test_every_transformation_of_a_set_comes_with_probability_p(
    policy: str, unchanged: float
) -> None:
    share = changed_share(ADA(policy=policy, p=0.3), pictures(4000, 3, 8, 8))
    assert share == pytest.approx(1 - unchanged, abs=0.03)


def test_colours_come_at_their_own_rate() -> None:
    share = changed_share(ADA(policy="c", p=0.6, color_rate=0.5), pictures(4000, 3, 4, 4))
    assert share == pytest.approx(1 - 0.7**4 * 0.85, abs=0.03)


def test_images_that_are_only_blitted_keep_their_pixels() -> None:
    images = pictures(2000, 1, 8, 8)
    changed = augmented(ADA(policy="bg", p=0.3), images)
    copied = [
        set(after.flatten().tolist()) <= set(before.flatten().tolist())
        for after, before in zip(changed, images, strict=True)
    ]
    assert sum(copied) / len(copied) == pytest.approx(0.7**4, abs=0.05)


def test_cutout_blanks_half_of_each_side_around_any_place() -> None:
    blank = augmented(ADA(policy="x", p=1.0), torch.ones(4000, 3, 16, 32))[:, 0] == 0
    rows, columns = blank.any(2), blank.any(1)
    assert torch.equal(blank, rows[:, :, None] & columns[:, None, :])
    assert rows.sum(1).max() == 8
    assert columns.sum(1).max() == 16
    # A place of the unit interval is within a quarter of a point at x for min(x, 1/4) + min(1 - x, 1/4).
    assert rows.double().mean().item() == pytest.approx(7 / 16, abs=0.01)
    assert columns.double().mean(0)[[0, 15, 31]].tolist() == pytest.approx(
        [0.265, 0.5, 0.265], abs=0.03
    )


def test_only_the_chosen_sets_draw_and_the_spelling_of_a_policy_does_not_matter() -> None:
    assert ADA(policy="cgb") == ADA(policy="bgc") == ADA()
    images = pictures(100, 3, 8, 8)
    blitted = augmented(ADA(policy="b", p=1.0), images)
    torch.testing.assert_close(blitted.sort(1).values.sum(1), blitted.sum(1))
    assert set(blitted[0, 0].flatten().tolist()) <= set(images[0, 0].flatten().tolist())
    coloured = augmented(ADA(policy="c", p=1.0), torch.full((100, 1, 8, 8), 0.2))
    assert coloured.flatten(1).std(1).max() == 0


def test_derivatives_agree_with_differences() -> None:
    def apply(images: Tensor) -> Tensor:
        return augmented(ADA(policy="bgcx", p=0.7), images)

    images = pictures(3, 3, 3, 4).double().requires_grad_()
    assert gradcheck(apply, images)
    assert gradgradcheck(apply, images[:1])


# --- how p moves


def test_p_rises_above_the_target_and_falls_below_it_by_one_step_for_each_interval() -> None:
    ada = ADA(p=0.5, interval=4, adjust_images=6400)
    step = 8 * 4 / 6400
    for logits, direction in ((UP, 1), (DOWN, -1)):
        assert observe(ada, *3 * [logits])["p"].item() == 0.5
        assert observe(ada, *4 * [logits])["p"].item() == pytest.approx(0.5 + direction * step)
        assert observe(ada, *7 * [logits])["p"].item() == pytest.approx(0.5 + direction * step)
        assert observe(ada, *8 * [logits])["p"].item() == pytest.approx(0.5 + 2 * direction * step)


def test_the_defaults_are_the_papers() -> None:
    state = observe(ADA(), *4 * [torch.ones(64)])
    assert state["p"].item() == pytest.approx(64 * 4 / 500_000)


def test_the_mean_sign_of_the_whole_interval_decides() -> None:
    ada = ADA(p=0.5, interval=2, target=0.25)
    some = torch.tensor([5.0, 0.1, 2.0, -9.0])  # mean sign 0.5
    assert observe(ada, some, some)["p"] > 0.5
    assert observe(ada, some, -some)["p"] < 0.5
    level = torch.tensor([1.0, 1.0, 1.0, -1.0, 1.0, 1.0, -1.0, -1.0])  # mean sign exactly 0.25
    assert observe(ada, level, level)["p"] == 0.5


def test_logits_of_patches_count_as_so_many_signs_of_one_image() -> None:
    ada = ADA(interval=1, adjust_images=1000)
    patches = torch.ones(8, 1, 3, 3)
    patches[:4, :, 0, 0] = -1
    assert observe(ada, patches)["p"].item() == pytest.approx(8 / 1000)
    assert observe(ada, patches[:, :, :1, :1])["p"] == 0


def test_p_is_bounded_below_alone() -> None:
    """As in the paper: from beyond 1 the way back is as long as the way there."""
    ada = ADA(interval=1, adjust_images=20)
    change = len(UP) / 20
    assert observe(ada, *10 * [UP])["p"].item() == pytest.approx(10 * change)
    assert observe(ada, *10 * [UP], *9 * [DOWN])["p"].item() == pytest.approx(change)
    assert observe(ada, *10 * [UP], *30 * [DOWN])["p"] == 0


def test_beyond_1_every_transformation_is_applied_as_at_1() -> None:
    ada, images = ADA(policy="bgcx"), torch.rand(50, 3, 16, 16)
    at_one, beyond = (
        ada.apply(images, torch.Generator().manual_seed(0), {"p": torch.tensor(p)})
        for p in (1.0, 1.7)
    )
    assert torch.equal(beyond, at_one)


def test_training_goes_on_from_a_kept_state_within_an_interval() -> None:
    ada = ADA(p=0.5, interval=3, adjust_images=1000)
    batches = [UP, UP, DOWN, UP, DOWN, DOWN, UP]
    kept = {name: value.clone() for name, value in observe(ada, *batches[:4]).items()}
    for logits in batches[4:]:
        ada.observe(logits, kept)
    assert kept == observe(ada, *batches)


def test_a_schedule_is_a_half_cosine_over_its_share_of_the_budget() -> None:
    ada = ADA(p=0.1, p_final=0.5, anneal=0.4)
    state = ada.initial_state(CPU)
    kept = state["p"]
    for share, expected in (
        (0.0, 0.1),
        (0.1, 0.1 + 0.4 * (1 - math.cos(math.pi / 4)) / 2),
        (0.2, 0.3),
        (0.4, 0.5),
        (0.9, 0.5),
        (0.1, 0.1 + 0.4 * (1 - math.cos(math.pi / 4)) / 2),
    ):
        ada.advance(state, Progress(images=0, share=share))
        for _ in range(9):
            ada.observe(UP, state)
        assert state["p"].item() == pytest.approx(expected)
    assert state["p"] is kept


@pytest.mark.parametrize("options", [{}, {"target": None}])
def test_without_a_schedule_progress_moves_nothing(options: dict[str, Any]) -> None:
    ada = ADA(p=0.3, **options)
    state = ada.initial_state(CPU)
    ada.advance(state, Progress(images=10_000, share=0.5))
    assert state["p"].item() == pytest.approx(0.3)


def test_without_a_target_p_stays() -> None:
    assert observe(ADA(p=0.25, target=None), *20 * [UP])["p"] == 0.25


# --- what is refused


@pytest.mark.parametrize("policy", ["", "bgz", "blit"])
def test_a_policy_that_is_not_understood_is_refused(policy: str) -> None:
    with pytest.raises(gb.UsageError, match=r"policy .* letters b .*g .*c .*x"):
        gb.get("augmentation", f'ada[policy="{policy}"]')


def test_data_that_are_no_images_are_refused() -> None:
    assert "points" in (ADA().problem(DataSpec(2, 1, 1, kind="points")) or "")
    for data in (DataSpec(1, 8, 8), DataSpec(4, 8, 8), DataSpec(3, 28, 20)):
        assert ADA().problem(data) is None


def test_options_are_written_as_they_are_documented() -> None:
    text = "ada[policy=bgcx,color_rate=0.5,p_final=0.55,target=none]"
    made = gb.get("augmentation", text)
    assert made == ADA(policy="bgcx", color_rate=0.5, p_final=0.55, target=None)
