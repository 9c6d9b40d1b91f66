"""A feature network whose whole batches are computed by a recording: on a GPU as a CUDA graph.

A recording does all operations of a pass in one call, so that the host, which other workers may keep
busy, does not hold up the device. It gives the bits of the network itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import torch

from ganbench.components.extractor import FeatureNetwork, Features
from ganbench.training.capture import CannotRecordError, Capture, CudaCapture, Run

#: Whole batches before a recording: the first loads kernels, and a few do not pay for one.
_EAGER_FIRST = 2
_SHAPES = 2  # of images, with a recording each

Forward = Callable[[torch.Tensor], Features]


@dataclass(frozen=True)
class _Recorded:
    """A recorded batch: its input, and how to compute it again."""

    images: torch.Tensor
    replay: Callable[[], None]
    columns: torch.Tensor
    width: int

    def __call__(self, images: torch.Tensor) -> Features:
        self.images.copy_(images)
        self.replay()
        return _features(self.columns.clone(), self.width)


class RecordedForward:
    """`FeatureNetwork.forward` with recordings; batches of another size are computed as usual.

    A recording is used once it has given the bits of the usual way on two batches.

    :ivar reason: why the network cannot be recorded, or None.
    """

    def __init__(self, forward: Forward, size: int, capture: Callable[[], Capture]) -> None:
        self._forward, self._size, self._capture = forward, size, capture
        self.reason: str | None = None
        self._seen: dict[torch.Size, int] = {}
        self._recorded: dict[torch.Size, _Recorded] = {}
        self._proved: set[torch.Size] = set()

    def __call__(self, images: torch.Tensor) -> Features:
        recorded = self._ready(images)
        return self._forward(images) if recorded is None else recorded(images)

    @property
    def records(self) -> bool:
        """Whether some batch was computed by a recording since the last `release`."""
        return bool(self._recorded)

    def release(self) -> None:
        """Drop the recordings: they hold the memory of a whole pass."""
        self._recorded, self._seen = {}, {}

    def _ready(self, images: torch.Tensor) -> _Recorded | None:
        """The recording for this batch, or None if it is to be computed as usual."""
        shape = images.shape
        if self.reason is not None or len(images) != self._size:
            return None
        self._seen[shape] = self._seen.get(shape, 0) + 1
        if shape in self._recorded or self._seen[shape] <= _EAGER_FIRST:
            return self._recorded.get(shape)
        if len(self._recorded) == _SHAPES:
            return None
        try:
            self._recorded[shape] = self._record(images)
        except CannotRecordError as problem:
            self.reason = str(problem)
            print(f"features are computed without a recording: {problem}")
            return None
        return self._recorded[shape]

    def _record(self, images: torch.Tensor) -> _Recorded:
        capture, static = self._capture(), images.clone()
        width = 0

        def run() -> torch.Tensor:
            nonlocal width
            found = self._forward(static)
            width = found.features.shape[1]
            return _columns(found)

        def prepare(which: int) -> Run:
            static.copy_(images.roll(which, 0))
            return run

        proving = images.shape not in self._proved
        expected = []
        for which in range(2 if proving else 0):
            prepare(which)
            expected.append(capture.eager(run, watched=True).clone())
        recording = capture.record(prepare)
        for which, wanted in enumerate(expected):
            prepare(which)
            recording.replay()
            if not torch.equal(recording.measures, wanted):
                raise CannotRecordError("a recorded batch gives other bits than the network itself")
        self._proved.add(images.shape)
        return _Recorded(static, recording.replay, recording.measures, width)


def recorded(network: FeatureNetwork, device: torch.device) -> FeatureNetwork:
    """The network with recordings on a GPU; as it is on the CPU, where they gain nothing."""
    if device.type != "cuda":
        return network
    return with_recordings(network, lambda: CudaCapture(device, ()))


def with_recordings(network: FeatureNetwork, capture: Callable[[], Capture]) -> FeatureNetwork:
    """The network with recordings of this kind."""
    return replace(network, forward=RecordedForward(network.forward, network.batch_size, capture))


@contextlib.contextmanager
def released(networks: Iterable[FeatureNetwork]) -> Iterator[None]:
    """Recordings that are made within are gone afterwards."""
    try:
        yield
    finally:
        for network in networks:
            if isinstance(network.forward, RecordedForward):
                network.forward.release()


def _columns(found: Features) -> torch.Tensor:
    """Features and logits side by side: (b, d + classes) float32."""
    parts = [part for part in found if part is not None]
    if any(part.dtype != torch.float32 or part.ndim != 2 for part in parts):
        raise CannotRecordError("the network's features or logits are not (batch, d) float32")
    return torch.cat(parts, 1)


def _features(columns: torch.Tensor, width: int) -> Features:
    logits = columns[:, width:] if columns.shape[1] > width else None
    return Features(columns[:, :width], logits)
