"""A metric: its columns say what its numbers mean, so that tables and figures need not know it."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ganbench import Column, FeatureSet, Measured, Metric, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor


class Hue(Metric):
    """The share of color that must change its hue to make generated images match real ones."""

    needs = ("images",)
    columns = (
        Column(
            "hue",
            better="lower",
            scale="share",
            label="hue distance",
            meaning="total variation distance between the hues of real and generated images",
            floor=True,
        ),
    )

    bins: int = option(24, "number of distinct hues", ge=2)

    def reference(self, real: FeatureSet) -> Mapping[str, "Tensor"]:
        return {"hues": self.hues(real.images)}

    def compute(self, fake: FeatureSet, reference: Mapping[str, "Tensor"]) -> Measured:
        distance = (self.hues(fake.images) - reference["hues"]).abs().sum().item() / 2
        if math.isnan(distance):
            return Measured({"hue": distance}, reason="the images of one side are gray")
        return Measured({"hue": distance}, {"bins": self.bins}, f"{self.bins} hues")

    def hues(self, images: "Tensor") -> "Tensor":
        """(bins,) share of the color of each hue; NaN without color."""
        import torch  # here, so that `ganbench list` need not wait for it

        red, green, blue = images.double().expand(-1, 3, -1, -1).unbind(1)
        across, along = red - (green + blue) / 2, math.sqrt(0.75) * (green - blue)
        turn = torch.atan2(along, across) / (2 * math.pi) + 0.5
        place = (turn * self.bins).long().clamp_max(self.bins - 1)
        color = torch.hypot(across, along)
        sums = torch.bincount(place.flatten(), color.flatten(), minlength=self.bins)
        return sums / sums.sum()


@hookimpl
def ganbench_metrics(register: Callable[..., None]) -> None:
    register("hue", Hue, summary="Distance between the hues of real and generated images")
