"""The export formats of a generator: PyTorch's ``.pt2`` and ONNX."""

from __future__ import annotations

import abc
import contextlib
import importlib.util
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from ganbench.base.errors import UsageError
from ganbench.registry.guard import quiet_stdout

if TYPE_CHECKING:
    import onnx

#: The extra file with the metadata in a ``.pt2``; without its suffix, the metadata property of ONNX.
METADATA = "ganbench.json"

#: Inputs -> images.
Run = Callable[[tuple[Tensor, ...]], Tensor]


class Format(abc.ABC):
    """A kind of file.

    :cvar tolerance: how far float images in [-1, 1] may be from the original's.
    :cvar of_device: whether a file computes on the kind of device that it was made for.
    """

    suffix: ClassVar[str]
    tolerance: ClassVar[float]
    of_device: ClassVar[bool]

    def require(self) -> None:
        """Raise UsageError if this machine cannot write the format."""
        return

    @abc.abstractmethod
    def write(self, program: torch.export.ExportedProgram, metadata: Mapping[str, Any]) -> bytes:
        """The file's content."""

    @abc.abstractmethod
    def read(self, path: Path) -> Run:
        """The function in a file."""


class PT2(Format):
    """PyTorch's archive of an exported program, for ``torch.export.load``."""

    suffix = ".pt2"
    tolerance = 1e-5
    of_device = True

    def write(self, program: torch.export.ExportedProgram, metadata: Mapping[str, Any]) -> bytes:
        buffer = io.BytesIO()
        with quiet():
            torch.export.save(program, buffer, extra_files={METADATA: _dump(metadata)})
        return buffer.getvalue()

    def read(self, path: Path) -> Run:
        with quiet():
            module = torch.export.load(io.BytesIO(path.read_bytes())).module()

        def run(inputs: tuple[Tensor, ...]) -> Tensor:
            images: Tensor = module(*inputs)
            return images

        return run


class ONNX(Format):
    """ONNX, for ONNX Runtime and others."""

    suffix = ".onnx"
    tolerance = 1e-4
    of_device = False

    def require(self) -> None:
        needed = ("onnx", "onnxscript", "onnxruntime")
        missing = [name for name in needed if importlib.util.find_spec(name) is None]
        if missing:
            raise UsageError(
                f"writing ONNX needs {', '.join(missing)}: pip install 'ganbench[onnx]'"
            )

    def write(self, program: torch.export.ExportedProgram, metadata: Mapping[str, Any]) -> bytes:
        with quiet():
            written = torch.onnx.export(
                program, dynamo=True, verbose=False, output_names=["images"]
            )
        assert written is not None
        model = written.model_proto
        _name_batch(model)
        entry = model.metadata_props.add()
        entry.key, entry.value = Path(METADATA).stem, _dump(metadata)
        content: bytes = model.SerializeToString()
        return content

    def read(self, path: Path) -> Run:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        names = [given.name for given in session.get_inputs()]

        def run(inputs: tuple[Tensor, ...]) -> Tensor:
            arrays = [one.numpy() for one in inputs]
            return torch.from_numpy(session.run(None, dict(zip(names, arrays, strict=True)))[0])

        return run


FORMATS: dict[str, Format] = {form.suffix: form for form in (PT2(), ONNX())}


def _dump(metadata: Mapping[str, Any]) -> str:
    return json.dumps(metadata, indent=1, ensure_ascii=False)


def _name_batch(model: onnx.ModelProto) -> None:
    """Rename the free size, which PyTorch names arbitrarily, to ``batch``."""
    names = {
        dim.dim_param
        for value in model.graph.input
        for dim in value.type.tensor_type.shape.dim[:1]
        if dim.dim_param
    }
    for values in (model.graph.input, model.graph.output, model.graph.value_info):
        for value in values:
            for dim in value.type.tensor_type.shape.dim:
                if dim.dim_param in names:
                    dim.dim_param = "batch"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporters: a user cannot act on their messages."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with quiet_stdout(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
