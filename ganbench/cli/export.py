"""``ganbench export``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ganbench.base.devices import choose_device
from ganbench.base.errors import ExportError
from ganbench.base.text import joined
from ganbench.cli.results import checked_target
from ganbench.cli.text import WrittenPath, examples, out_option
from ganbench.cli.trial_argument import trial_argument
from ganbench.store.run_folder import RunFolder

if TYPE_CHECKING:
    from ganbench.generators.export import Exported

_FAILED = 1


@click.command(
    epilog=examples(
        "ganbench export runs/quick best",
        "ganbench export runs/quick dcgan-hinge-digits-s0 -o generator.onnx",
        "ganbench export runs/biggan biggan-hinge-cifar10-s0 -o biggan.pt2 --truncation 0.5",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@trial_argument()
@out_option("A .pt2 or .onnx file; the trial's id and .pt2 by default.")
@click.option("--device", metavar="DEVICE", default="cpu", show_default=True,
              help="cpu, cuda or cuda:0: where a .pt2 file computes. Only those for the CPU open on "
              "every machine.")  # fmt: skip
@click.option("--uint8", is_flag=True, help="Images as bytes from 0 to 255, rounded as in every "
              "evaluation; also those to translate.")  # fmt: skip
@click.option("--truncation", type=click.FloatRange(0), help="Build in less variety for more "
              "quality, where the architecture has it: see `ganbench sample`.")  # fmt: skip
def export(
    folder: str, trial: str, out: str | None, device: str, uint8: bool, truncation: float | None
) -> int | None:
    """Write a trial's averaged generator to a file that works without ganbench.

    TRIAL is an id or a part of one, or a selector such as loss=hinge,seed=0 or best:loss=hinge.

    A .pt2 file opens with torch.export.load in plain PyTorch, an .onnx file in ONNX Runtime. Inputs
    are latents (batch, latent_dim), for class-conditional generators also labels (batch,) as int64,
    or, for those that translate, images (batch, c, h, w); any batch size goes. Images come as float32
    in [-1, 1], (batch, c, h, w). The file also describes itself as JSON: the extra file
    ganbench.json of a .pt2, the property ganbench of ONNX.

    The generator is the one that `ganbench sample` draws from. Its own random numbers are constants in
    the file: StyleGAN2's noise, pix2pix's dropout. The file appears once its images agree with the
    original's; if they differ, the exit code is 1.
    """
    if out is not None:
        checked_target(out)

    from ganbench.base.backends import set_defaults
    from ganbench.generators.export import export as write
    from ganbench.generators.export import format_of
    from ganbench.generators.trained import load_trained

    set_defaults()
    place = RunFolder(folder).open().find(trial)
    target = checked_target(out or f"{place.id}.pt2")
    assert target is not None
    format_of(target).require()
    trained = load_trained(place, device=choose_device(device))
    if trained.doubt is not None:
        click.echo(f"Warning: {trained.doubt}", err=True)
    try:
        written = write(trained, target, truncation=truncation, uint8=uint8)
    except ExportError as error:
        click.echo(f"Error: {error}", err=True)
        return _FAILED
    _show(written)
    return None


def _show(written: Exported) -> None:
    from ganbench.generators.export import BATCHES

    metadata, batches = written.metadata, joined(list(map(str, BATCHES)))
    inputs = ", ".join(map(_tensor, metadata["inputs"]))
    click.echo(f"{inputs} -> {_tensor(metadata['outputs'][0])}")
    click.echo(
        f"Images are within {written.difference:.2g} of the original's on batches of {batches}; "
        f"{written.tolerance:g} is allowed."
    )
    if metadata["noise"] == "constant":
        click.echo("The generator's own random numbers are constants: all images have the same.")
    click.echo(f"Wrote {written.path} ({written.size / 1e6:.1f} MB)", err=True)


def _tensor(described: dict[str, Any]) -> str:
    """``latents (batch, 100) float32``, and a range in words."""
    shape = ", ".join(map(str, described["shape"]))
    text = f"{described['name']} ({shape}) {described['dtype']}"
    if "range" not in described:
        return text
    low, high = described["range"]
    return f"{text} from {low} to {high}"
