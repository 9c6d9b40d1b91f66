"""CUDA graphs of the simulated GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ganbench.testing.simulated_gpu.capture import Capture

if TYPE_CHECKING:
    from ganbench.testing.simulated_gpu.device import SimulatedGpu


class CUDAGraph:
    """Stands in for `torch.cuda.CUDAGraph`."""

    _gpu: SimulatedGpu  # set by the class that the simulation makes

    def __init__(self, keep_graph: bool = False) -> None:
        self._capture: Capture | None = None
        self._generators: list[torch.Generator] = [self._gpu.generator]
        self._ended = False

    def register_generator_state(self, generator: torch.Generator) -> None:
        """Let a generator be drawn from in the capture."""
        self._generators.append(generator)

    def capture_begin(self, pool: Any = None, capture_error_mode: str = "global") -> None:
        """Record what follows instead of doing it."""
        if self._gpu.capture is not None:
            raise RuntimeError("CUDA error: a capture is under way already")
        self._capture = Capture(self._gpu.compute, self._generators)
        self._gpu.capture = self._capture

    def capture_end(self) -> None:
        """The end of the recording.

        :raises RuntimeError: if an error made it invalid.
        """
        capture, self._gpu.capture = self._capture, None
        assert capture is not None, "capture_end without capture_begin"
        self._capture = None
        capture.end()
        self._capture, self._ended = capture, True

    def replay(self) -> None:
        """Do everything that was recorded, on the same tensors."""
        if self._capture is None or not self._ended:
            raise RuntimeError("Called CUDAGraph::replay without a preceding successful capture.")
        self._capture.replay()

    def reset(self) -> None:
        """Forget the recording."""
        self._capture, self._ended = None, False

    def pool(self) -> tuple[int, int]:
        """A name of the memory that the graph's tensors lie in."""
        return (0, id(self))


class graph:  # noqa: N801 - the name in torch.cuda
    """Stands in for `torch.cuda.graph`."""

    default_capture_stream: Any = None

    def __init__(
        self,
        cuda_graph: CUDAGraph,
        pool: Any = None,
        stream: Any = None,
        capture_error_mode: str = "global",
        **options: Any,
    ) -> None:
        self.cuda_graph, self._pool, self._mode = cuda_graph, pool, capture_error_mode
        self._stream = torch.cuda.stream(stream or torch.cuda.Stream())

    def __enter__(self) -> None:
        self._stream.__enter__()
        self.cuda_graph.capture_begin(self._pool, self._mode)

    def __exit__(self, *error: Any) -> None:
        try:
            self.cuda_graph.capture_end()
        finally:
            self._stream.__exit__(*error)
