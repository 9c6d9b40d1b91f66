"""The number of residual blocks for a size, and the widths of their maps."""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST, LARGEST = 8, 512
#: The largest images with the designs for CIFAR-10, whose maps all have the same width.
SMALL = 32
#: The largest map that is given self-attention unless an option says otherwise.
ATTENDED = 64

# BigGAN's multipliers by the number of doublings (Brock et al. 2019, tables of appendix B, and the
# first author's code for 64 pixels): the generator's maps from latents to image, the discriminator's
# after each block.
_BIG_G = {
    4: (16, 16, 8, 4, 2),
    5: (16, 16, 8, 4, 2, 1),
    6: (16, 16, 8, 8, 4, 2, 1),
    7: (16, 16, 8, 8, 4, 2, 1, 1),
}
_BIG_D = {
    4: (1, 2, 4, 8, 16),
    5: (1, 2, 4, 8, 16, 16),
    6: (1, 2, 4, 8, 8, 16, 16),
    7: (1, 1, 2, 4, 8, 8, 16, 16),
}


@dataclass(frozen=True)
class Plan:
    """The residual blocks of both players.

    A size is the shorter side of a map; the longer one is doubled and halved with it.

    :ivar shape: height and width of the images.
    :ivar first: height and width of the generator's first map.
    :ivar g_widths: channels of the generator's maps, from latents to image; from one to the next the
        map is doubled.
    :ivar d_widths: channels of the maps after each of the discriminator's blocks.
    :ivar halvings: how many of those blocks, from the image on, halve the map.
    """

    shape: tuple[int, int]
    first: tuple[int, int]
    g_widths: tuple[int, ...]
    d_widths: tuple[int, ...]
    halvings: int

    @property
    def g_sizes(self) -> tuple[int, ...]:
        """Sizes of the generator's maps; the last is the image's, or larger."""
        return tuple(min(self.first) << step for step in range(len(self.g_widths)))

    @property
    def grid(self) -> int:
        """Size of the images with the border that is cropped from them."""
        return self.g_sizes[-1]

    @property
    def d_sizes(self) -> tuple[int, ...]:
        """Sizes of the maps after each of the discriminator's blocks."""
        blocks = range(1, len(self.d_widths) + 1)
        return tuple(self.grid >> min(block, self.halvings) for block in blocks)

    @property
    def shared_sizes(self) -> list[int]:
        """Sizes of maps that both players have, ascending."""
        return sorted(set(self.g_sizes) & set(self.d_sizes))

    @property
    def margins(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows, and columns, by which the generator's last map exceeds the image: before and after."""
        doublings = len(self.g_widths) - 1
        rows, columns = (
            (base << doublings) - side for base, side in zip(self.first, self.shape, strict=True)
        )
        return (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)


def sngan_plan(shape: tuple[int, int], g_width: int, d_width: int) -> Plan:
    """SNGAN's blocks (Miyato et al. 2018, ResNet tables of appendix B).

    Up to 32 pixels all maps of a player have the same width. Beyond, widths double from the image
    inwards, up to 16-fold, and the discriminator ends in a block that keeps the map's size.

    :param g_width: channels of the generator's map at the image's size; 0 for 256, beyond 32 pixels
        64.
    :param d_width: channels after the discriminator's first block; 0 for 128, beyond 32 pixels 64.
    """
    first, doublings = _frame(shape)
    if min(shape) <= SMALL:
        return Plan(
            shape=shape,
            first=first,
            g_widths=(g_width or 256,) * (doublings + 1),
            d_widths=(d_width or 128,) * 4,
            halvings=min(2, doublings),
        )
    # To 4 pixels or 3; other maps are odd by then.
    halvings = doublings + (min(first) == 6 and max(first) % 2 == 0)
    return Plan(
        shape=shape,
        first=first,
        g_widths=_doubling(g_width or 64, doublings + 1)[::-1],
        d_widths=_doubling(d_width or 64, halvings + 1),
        halvings=halvings,
    )


def biggan_plan(shape: tuple[int, int], width: int) -> Plan:
    """BigGAN's blocks: as in its tables from 64 pixels on, below as in its experiment on CIFAR-10.

    :param width: the paper's ch; all widths are multiples of it.
    """
    first, doublings = _frame(shape)
    small = doublings not in _BIG_G
    g_multipliers = (4,) * (doublings + 1) if small else _BIG_G[doublings]
    d_multipliers = (2,) * 4 if small else _BIG_D[doublings]
    return Plan(
        shape=shape,
        first=first,
        g_widths=tuple(width * multiplier for multiplier in g_multipliers),
        d_widths=tuple(width * multiplier for multiplier in d_multipliers),
        halvings=min(2, doublings) if small else doublings,
    )


def biggan_latents(plan: Plan) -> int:
    """Length of BigGAN's latents: 20 for each chunk, one of which goes to every generator's map.

    These are 80 at 32 pixels, 100 at 64, 120 at 128 and 140 at 256 (Brock et al. 2019, appendix B). At
    512 pixels they are 16 for each of 8 chunks, as in the released model.
    """
    chunks = len(plan.g_widths)
    return chunks * (16 if chunks == 8 else 20)


def _frame(shape: tuple[int, int]) -> tuple[tuple[int, int], int]:
    """The first map, 4 to 7 pixels on its shorter side, and how often it is doubled."""
    size = min(shape)
    doublings = (size // 4).bit_length() - 1
    doublings += -(-size // 2**doublings) == 8
    return (-(-shape[0] // 2**doublings), -(-shape[1] // 2**doublings)), doublings


def _doubling(width: int, count: int) -> tuple[int, ...]:
    return tuple(width * min(16, 2**step) for step in range(count))
