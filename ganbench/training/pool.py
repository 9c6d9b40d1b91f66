"""A history of generated images that the discriminator may see again."""

from __future__ import annotations

import torch


class ImagePool:
    """Keeps ``size`` generated images (Shrivastava et al. 2017, arXiv:1612.07828, section 2.3).

    Until the pool is full, images are stored and passed on. From then on, each image changes places
    with a random one of the pool with probability 1/2 and is passed on otherwise (Zhu et al. 2017,
    arXiv:1703.10593, section 4).

    :ivar state: the tensors to checkpoint.
    """

    def __init__(self, size: int, shape: tuple[int, ...], device: torch.device) -> None:
        self.state = {"images": torch.zeros(size, *shape, device=device)}
        self._size = size
        self._seen = 0

    def exchange(self, images: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """(batch, c, h, w) images to show instead of ``images``."""
        kept = self.state["images"]
        shown = []
        for image in images.split(1):
            if self._seen < self._size:
                kept[self._seen] = image[0]
                shown.append(image)
                self._seen += 1
            else:
                slot = torch.randint(self._size, (1,), generator=random, device=kept.device)
                swap = torch.rand((), generator=random, device=kept.device) < 0.5
                old = kept.index_select(0, slot)
                shown.append(torch.where(swap, old, image))
                kept.index_copy_(0, slot, torch.where(swap, image, old))
        return torch.cat(shown)

    @property
    def full(self) -> bool:
        """Whether all further steps do the same operations."""
        return self._seen == self._size

    @property
    def seen(self) -> int:
        """Images stored so far."""
        return self._seen

    def resume(self, seen: int) -> None:
        """Go on after ``seen`` images, the size at the most."""
        self._seen = min(seen, self._size)
