"""Errors that click finds on the command line, in the words of ganbench and with a way out."""

from __future__ import annotations

import click

from ganbench.base.suggestions import nearest
from ganbench.grid.setting_hints import elsewhere
from ganbench.grid.settings import setting_named

#: What people write -> the option that a command may have.
_OTHER_WORDS = {
    "--architecture": "model network net generator arch gan",
    "--dataset": "data images folder path input",
    "--regularizer": "penalty reg",
    "--augmentation": "augment aug",
    "--budget": "steps epochs iterations iters images kimg max-steps n-steps total-kimg seconds time",
    "--seeds": "seed n-seeds repeats runs",
    "--out": "output out-dir outdir output-dir save-dir logdir dir folder results-dir name",
    "--jobs": "workers num-workers gpus n-jobs parallel processes",
    "--device": "gpu cuda cpu accelerator",
    "--grid": "config cfg file study yaml toml",
    "--dry-run": "plan check preview estimate",
    "--retry-failed": "resume continue",
    "--total": "time-limit limit total-time max-time wall-time",
    "--callback": "tracker logger tensorboard wandb mlflow",
    "--data-dir": "data-root root data-path datasets",
    "--metrics": "metric",
    "--metric": "metrics",
    "--samples": "n num n-samples num-samples count",
    "--fake": "generated samples fakes",
    "--real": "reference data dataset reals",
    "--json": "as-json format",
    "--by": "kind axis group",
    "--kind": "type figure",
    "--plugin": "plugins load import",
    "--follow": "tail watch",
    "--help": "usage man",
}
_SAID = {name: words.split() for name, words in _OTHER_WORDS.items()}


def explained(error: click.ClickException) -> click.ClickException:
    """The same error; for an unknown option or a value out of range one that says what to write."""
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        hint = _hint(error.option_name, error.ctx.command)
        return click.UsageError(f"no option {error.option_name}{hint}", error.ctx)
    if isinstance(error, click.BadParameter) and error.param is not None:
        takes = _takes(error.param.type, error.message)
        given = error.message.partition(" is not ")[0]
        if takes and given != error.message:
            return click.BadParameter(f"{given} is not allowed; {takes}", error.ctx, error.param)
    return error


def _takes(kind: click.ParamType, message: str) -> str:
    """What a number or a choice may be; empty for other types."""
    if isinstance(kind, click.Choice):
        given = message.partition(" is not ")[0].strip("'")
        known = list(map(str, kind.choices))
        close = nearest(given, known)
        hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        return f"{hint}It takes {', '.join(known)}" if hint else f"it takes {', '.join(known)}"
    whole = kind.name.startswith("integer")
    if not whole and not kind.name.startswith("float"):
        return ""
    low, high = getattr(kind, "min", None), getattr(kind, "max", None)
    above = "more than" if getattr(kind, "min_open", False) else "at least"
    bounds = [f"{above} {low:g}"] if low is not None else []
    bounds += [f"at most {high:,}"] if high is not None else []
    return ", ".join([f"it takes a {'whole ' * whole}number", *bounds])


def _hint(written: str, command: click.Command) -> str:
    own = [max(one.opts, key=len) for one in command.params if isinstance(one, click.Option)]
    advice = _about_runs(written, command)
    if advice:
        return f"; {advice}"
    known = [name for name in (*own, "--help") if name.startswith("--")]
    close = nearest(written.lstrip("-"), [name.lstrip("-") for name in known], _words())
    if close:
        return f"; did you mean {' or '.join(f'--{name}' for name in close)}?"
    return f"; {command.name} has {', '.join(sorted(known))}"


def _words() -> dict[str, list[str]]:
    return {name.lstrip("-"): words for name, words in _SAID.items()}


def _about_runs(written: str, command: click.Command) -> str:
    """What a setting or a budget is written as, for a command that takes both."""
    flags = {flag for one in command.params for flag in one.opts}
    if not {"--set", "--budget"} <= flags:
        return ""
    word = written.lstrip("-").replace("-", "_")
    name = setting_named(word)
    return f"did you mean --set {name}=VALUE?" if name else elsewhere(word)
