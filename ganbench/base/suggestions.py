"""What a person may have meant by a name that does not exist: only names that are close."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

#: Words that people use for one thing, by what it is. None of them is the name of a component.
_SAME_THING = {
    "learning rate": "lr learning_rate learningrate rate step_size alpha eta",
    "batch": "batch_size batch bs batchsize minibatch minibatch_size mini_batch",
    "critic updates": "d_steps n_critic ncritic critic_steps critic_iters n_dis d_iters disc_steps",
    "generator's rate": "g_lr lr_g generator_lr g_learning_rate gen_lr",
    "discriminator's rate": "d_lr lr_d discriminator_lr d_learning_rate disc_lr critic_lr",
    "betas": "betas beta beta1 beta2 b1 b2 adam_betas momentum_terms",
    "optimizer": "optimizer optim optimiser solver",
    "schedule": "schedule lr_decay scheduler lr_scheduler lr_schedule annealing",
    "weight decay": "weight_decay wd l2 decay",
    "average": "ema_images ema ema_decay ema_kimg ema_halflife ema_beta averaging",
    "arithmetic": "precision amp fp16 bf16 half mixed_precision dtype float16",
    "mirroring": "flip mirror hflip horizontal_flip xflip random_flip",
    "cropping": "jitter crop random_crop",
    "processes": "replicas ddp world_size distributed nproc",
    "compiling": "compile torch_compile compiled jit",
    "evaluations": "ticks every eval_every evaluations n_evals frequency interval eval_interval",
    "samples": "samples n_samples num_samples nsamples n_fake",
    "real samples": "reference_samples n_real real_samples num_real",
    "extractor": "extractor extractors network features feature_extractor backbone encoder",
    "metrics": "metrics metric scores measures",
    "primary": "primary primary_metric main_metric objective",
    "latents": "latent_dim nz z_dim zdim latent latents latent_size noise_dim dim_z z",
    "width": "width ngf ndf nf ch base_channels hidden hidden_dim features channels n_features",
    "size": "size resolution image_size img_size imsize res",
    "place": "path dir folder root directory location filename data_dir",
    "strength": "weight gamma lambda lambda_gp lambda_ gp_weight coefficient strength lam",
    "images": "images img imgs kimg",
    "steps": "steps iterations iters iter n_iter niter max_steps updates",
    "seconds": "seconds time minutes hours duration",
    "seeds": "seeds seed n_seeds random_seed",
    "architecture": "architecture arch model network generator gan",
    "loss": "loss criterion objective",
    "dataset": "dataset data",
    "regularizer": "regularizer penalty regularisation regularization regulariser",
    "augmentation": "augmentation augment aug augmentations",
}
_GROUPS = [frozenset(words.split()) for words in _SAME_THING.values()]
_MOST = 3  # suggestions


def nearest(
    word: str, known: Iterable[str], said: Mapping[str, Collection[str]] | None = None
) -> list[str]:
    """The known names that a word may mean, at most three; empty if none is close.

    :param said: a known name -> other words for it.
    """
    names = sorted(set(known))
    same = same_thing(word, names, said)
    near = _closest(word, {name: _spellings(name, said or {}) for name in names})
    parts = [name for name in names if _is_part(word, name)]
    return (same or near or parts)[:_MOST]


def same_thing(
    word: str, known: Iterable[str], said: Mapping[str, Collection[str]] | None = None
) -> list[str]:
    """The known names that a word means: written otherwise, or another word for them."""
    names = sorted(set(known))
    same = [name for name in names if _singular(name) == _singular(word)]
    return same or [
        name for name in names if _key(word) in map(_key, _other_words(name, said or {}))
    ]


def did_you_mean(
    word: str,
    known: Iterable[str],
    said: Mapping[str, Collection[str]] | None = None,
    shown: Iterable[str] | None = None,
) -> str:
    """A suffix such as ``; did you mean 'dcgan'?``, else a list of all that exists.

    :param said: a known name -> other words for it.
    :param shown: what to list in place of ``known``.
    """
    names = sorted(set(known))
    close = nearest(word, names, said)
    if close:
        return f"; did you mean {_either(close)}?"
    listed = names if shown is None else list(filter(None, shown))
    return f"; known: {', '.join(listed)}" if listed else "; none exist"


def _either(names: list[str]) -> str:
    *first, last = map(repr, names)
    return f"{', '.join(first)} or {last}" if first else last


def _key(word: str) -> str:
    return re.sub(r"[-_ .]", "", word).lower()


def _singular(word: str) -> str:
    return re.sub(r"(?<=s)es\Z|(?<=..[^s])s\Z", "", _key(word))


def _other_words(name: str, said: Mapping[str, Collection[str]]) -> list[str]:
    return [*said.get(name, ()), *(word for group in _GROUPS if name in group for word in group)]


def _spellings(name: str, said: Mapping[str, Collection[str]]) -> list[str]:
    """What a misspelled word may have been: the name, or another word for it that is not short."""
    return [name, *(word for word in _other_words(name, said) if len(word) >= 4)]


def _closest(word: str, spellings: Mapping[str, list[str]]) -> list[str]:
    """The names with the fewest wrong letters, if these are few for the word's length."""
    key = _key(word)
    allowed = (len(key) >= 3) + (len(key) >= 7) + (len(key) >= 10)
    wrong = {
        name: min(_wrong_letters(key, _key(one)) for one in ways)
        for name, ways in spellings.items()
    }
    best = min(wrong.values(), default=allowed + 1)
    if best > allowed:
        return []
    return [name for name in spellings if wrong[name] == best]


def _is_part(word: str, name: str) -> bool:
    """Whether each part of the word is a part of the name, or the name begins with the word."""
    asked, there = (re.split(r"[-_ .\[\]=,]+", text.lower()) for text in (word, name))
    if len(_key(word)) < 2:
        return False
    begins = len(_key(word)) >= 3 and _key(name).startswith(_key(word))
    return begins or set(asked) <= set(there)


def _wrong_letters(one: str, other: str) -> int:
    """Letters to change, add, leave out, or swap with the next: the distance of the two words."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
