"""Where to say what a person tried to say with a setting that does not exist."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ganbench.base.errors import UnknownNameError, UsageError
from ganbench.base.suggestions import nearest

#: A section -> other words for it.
SECTION_WORDS = {
    "training": ("train", "trainer", "optimization", "hyperparameters", "hparams", "params"),
    "evaluation": ("eval", "evaluate", "test", "validation", "metrics"),
    "budget": ("length", "duration", "epochs", "stop"),
    "grid": ("axes", "components", "matrix", "sweep"),
}
_NOT_COUNTED = "the budget counts images, not epochs"
_EXAMPLES = {
    "images": "--budget 200000img, or [budget] images = 200_000 in a grid file",
    "steps": "--budget 2000steps, or [budget] steps = 2000 in a grid file",
    "seconds": "--budget 10m, or [budget] seconds = 600 in a grid file",
    "epochs": "--budget 600000img for 10 epochs of 60,000 images, or [budget] images = 600_000 in a "
    "grid file",
    "seeds": "--seeds 3, or seeds = 3 in the section [grid] of a grid file",
    "device": "--device cuda, --device cuda:0 or --device cpu",
    "jobs": "--jobs 2 for the trials that run at a time",
}
_WORDS = {
    "images": "images n_images total_images kimg total_kimg max_images",
    "steps": "steps step iterations iters iter n_iter niter n_steps max_steps total_steps num_steps",
    "seconds": "seconds minutes hours time max_time duration",
    "epochs": "epochs epoch n_epochs num_epochs max_epochs nepochs",
    "seeds": "seeds seed n_seeds num_seeds random_seed manual_seed",
    "device": "device gpu cuda accelerator",
    "jobs": "jobs n_jobs workers num_workers gpus n_gpus parallel",
}
_MEANING = {word: name for name, words in _WORDS.items() for word in words.split()}


def elsewhere(word: str) -> str:
    """``write --budget 2000steps, …`` for a word that is said elsewhere; else empty."""
    name = _MEANING.get(word.lower().replace("-", "_"))
    if name is None:
        return ""
    return f"{_NOT_COUNTED}: {_EXAMPLES[name]}" if name == "epochs" else f"write {_EXAMPLES[name]}"


def refuse_misplaced(
    section: str, keys: Collection[str], known: Mapping[str, Collection[str]]
) -> None:
    """Raise for a key that belongs to another section, or is no setting at all.

    :param known: section -> the names of its settings.
    """
    for key in keys:
        if key in known[section]:
            continue
        other = next((name for name, names in known.items() if key in names), None)
        if other is not None:
            raise UnknownNameError(
                f"[{section}] has no option {key!r}; it belongs to {other}: {other}.{key}"
            )
        if advice := elsewhere(key):
            raise UnknownNameError(f"[{section}] has no option {key!r}; {advice}")


def bad_assignment(text: str, known: Mapping[str, Collection[str]]) -> UsageError:
    """The error for a text that is not ``SECTION.KEY=VALUE``, with what it should be."""
    path, equals, value = text.partition("=")
    section, _, key = path.strip().rpartition(".")
    problem = f"bad --set {text!r}"
    if not equals or not key or not value:
        return UsageError(
            f"{problem}: write it as SECTION.KEY=VALUE, such as training.batch_size=64"
        )
    if not section and (advice := elsewhere(key)):
        return UsageError(f"{problem}: {advice}")
    sections = nearest(section, known, SECTION_WORDS) if section else list(known)
    found = [f"{name}.{one}" for name in sections for one in _named(key, known[name])][:3]
    if found:
        written = " or ".join(f"--set {one}={value}" for one in found)
        return UsageError(f"{problem}: write {written}")
    listed = "; ".join(f"{name}: {', '.join(sorted(names))}" for name, names in known.items())
    what = (
        f"the section is {' or '.join(known)}, not {section!r}" if section else "name the section"
    )
    return UsageError(
        f"{problem}: {what}, as in training.batch_size=64; known settings of {listed}"
    )


def _named(key: str, known: Collection[str]) -> list[str]:
    return [key] if key in known else nearest(key, known)
