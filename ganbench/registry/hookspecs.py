"""The hooks that a plugin may implement.

A plugin is any object with ``@hookimpl`` functions, usually a module, announced by an entry point
in the group ``ganbench``. Every hook here *contributes*: it is called once for each plugin, with a
``register`` that belongs to that plugin, and returns nothing. If a hook raises, ganbench keeps nothing
that the plugin registered, and loads the other plugins without it.
"""

from __future__ import annotations

from typing import Any, Protocol

import pluggy

PROJECT = "ganbench"

hookspec = pluggy.HookspecMarker(PROJECT)
#: Marks a function as a hook that ganbench calls: ``@hookimpl`` above ``def ganbench_losses(register)``.
hookimpl = pluggy.HookimplMarker(PROJECT)


class Register(Protocol):
    """How a plugin names what it provides."""

    def __call__(
        self,
        name: str,
        target: type[Any] | str,
        *,
        summary: str = "",
        aliases: tuple[str, ...] = (),
    ) -> None:
        """Provide a component.

        :param name: lower-case letters, digits and hyphens, beginning with a letter.
        :param target: the component class, or ``"package.module:Class"`` to import it on first use,
            which keeps ``ganbench list`` quick.
        :param summary: one line for listings; by default the first line of the class's docstring.
        :param aliases: other words that people say for it. Specs do not accept them; the message about
            an unknown name offers the component.
        :raises ValueError: for a malformed name, or a name that this plugin has registered already.
        """


@hookspec
def ganbench_architectures(register: Register) -> None:
    """Provide generator and discriminator pairs.

    :param register: called once for each :class:`ganbench.Architecture`.
    """


@hookspec
def ganbench_losses(register: Register) -> None:
    """Provide adversarial losses.

    :param register: called once for each :class:`ganbench.Loss`.
    """


@hookspec
def ganbench_datasets(register: Register) -> None:
    """Provide data sets.

    :param register: called once for each :class:`ganbench.Dataset`.
    """


@hookspec
def ganbench_regularizers(register: Register) -> None:
    """Provide terms that are added to a player's loss, such as gradient penalties.

    :param register: called once for each :class:`ganbench.Regularizer`.
    """


@hookspec
def ganbench_augmentations(register: Register) -> None:
    """Provide transformations of everything that the discriminator sees.

    :param register: called once for each :class:`ganbench.Augmentation`.
    """


@hookspec
def ganbench_optimizers(register: Register) -> None:
    """Provide optimizers of the networks' weights.

    :param register: called once for each :class:`ganbench.Optimizer`.
    """


@hookspec
def ganbench_schedules(register: Register) -> None:
    """Provide schedules of the learning rates.

    :param register: called once for each :class:`ganbench.Schedule`.
    """


@hookspec
def ganbench_extractors(register: Register) -> None:
    """Provide feature extractors for the metrics.

    :param register: called once for each :class:`ganbench.Extractor`.
    """


@hookspec
def ganbench_metrics(register: Register) -> None:
    """Provide metrics of generated samples.

    :param register: called once for each :class:`ganbench.Metric`.
    """


@hookspec
def ganbench_callbacks(register: Register) -> None:
    """Provide observers of trials, such as experiment trackers.

    :param register: called once for each :class:`ganbench.Callback`.
    """
