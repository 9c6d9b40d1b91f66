"""Options of components: what they accept, and how a refusal reads."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Any, Literal

import pytest

from ganbench import Component, option
from ganbench.base.errors import BrokenComponentError, UnknownNameError, UsageError
from ganbench.registry.options import (
    all_options,
    canonical_spec,
    changed_options,
    create,
    describe_options,
)
from ganbench.registry.specs import parse_spec


class Mode(enum.Enum):
    FAST = "fast"


class Everything(Component):
    width: int = option(64, "channels", ge=1, le=512)
    lr: float = option(1e-3, "learning rate", gt=0)
    flip: bool = False
    norm: Literal["none", "batch", "layer"] = "batch"
    cut: int | Literal["auto"] = option("auto", "cut-off", ge=1)
    seed: int | None = None
    tag: str = ""
    betas: tuple[float, float] = option((0.5, 0.999), "both betas", ge=0, lt=1)
    names: tuple[str, ...] = ()
    folder: Path | None = None
    mode: Mode = Mode.FAST
    level: Literal[1, 2] = 1


def made(options: str) -> Any:
    spec = parse_spec(f"everything[{options}]")
    return create(Everything, spec.options, "test 'everything'", spec.texts)


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ("width=32", "width", 32),
        ("lr=1", "lr", 1.0),
        ("flip=true", "flip", True),
        ("norm=none", "norm", "none"),
        ("cut=auto", "cut", "auto"),
        ("cut=3", "cut", 3),
        ("seed=none", "seed", None),
        ("tag=fp32", "tag", "fp32"),
        ("tag=007", "tag", "007"),
        ("tag=none", "tag", "none"),
        ("tag=", "tag", ""),
        ("tag=cifar10[size=32]", "tag", "cifar10[size=32]"),
        ("betas=[0,0.9]", "betas", (0.0, 0.9)),
        ("names=[a,none,1e3]", "names", ("a", "none", "1e3")),
        ("names=[]", "names", ()),
        ("folder=/data/x", "folder", Path("/data/x")),
        ("folder=2024", "folder", Path("2024")),
        ("folder=none", "folder", None),
        ("mode=fast", "mode", Mode.FAST),
        ("level=2", "level", 2),
    ],
)
def test_accepted(options, name, value):
    component = made(options)
    assert getattr(component, name) == value
    assert type(getattr(component, name)) is type(value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("width=0", "option width=0 is not allowed; it takes int, at least 1, at most 512"),
        ("width=1.0", "option width=1.0 is not allowed; it takes int, at least 1, at most 512"),
        ("width=true", "option width=true is not allowed"),
        ('width="8"', 'option width="8" is not allowed'),
        ("lr=0", "option lr=0 is not allowed; it takes float, greater than 0"),
        ("lr=nan", "option lr=nan is not allowed"),
        ("flip=yes", "option flip=yes is not allowed; it takes bool"),
        ("norm=bacth", "option norm=bacth is not allowed; it takes none|batch|layer"),
        ("cut=0", "option cut=0 is not allowed; it takes int|auto, at least 1"),
        ("seed=x", "option seed=x is not allowed; it takes int|none"),
        ("betas=[0.5]", "option betas=[0.5] is not allowed; it takes [float,float]"),
        ("betas=[0.5,1]", "it takes [float,float], at least 0, less than 1"),
        ("names=a", "option names=a is not allowed; it takes [str,…]"),
        ("mode=slow", "option mode=slow is not allowed; it takes fast"),
        ("level=3", "option level=3 is not allowed; it takes 1|2"),
        ("widht=3", "test 'everything' has no option 'widht'; did you mean 'width'?"),
    ],
)
def test_refused_in_one_sentence(options, sentence):
    with pytest.raises(UsageError) as caught:
        made(options)
    assert str(caught.value).startswith("test 'everything'")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_python_values_are_options_too():
    component = create(Everything, {"betas": [0.1, 0.2], "folder": Path("x")}, "e")
    assert (component.betas, component.folder) == ((0.1, 0.2), Path("x"))


def test_canonical_options():
    component = made("width=64,tag=x,lr=1,flip=false")
    assert changed_options(component) == {"lr": 1.0, "tag": "x"}
    assert list(all_options(component)) == sorted(describe_options(Everything))


@pytest.mark.parametrize(
    ("options", "canonical"),
    [
        ("norm=none", "norm=none"),
        ("tag=none", "tag=none"),
        ("tag=1e3", "tag=1e3"),
        ('tag="a,b"', 'tag="a,b"'),
        ("names=[x,none]", 'names=[x,"none"]'),
        ("folder=2024", 'folder="2024"'),
        ("width=64,lr=2,betas=[0,0.5]", "betas=[0.0,0.5],lr=2.0"),
    ],
)
def test_canonical_spec_is_read_back_as_the_same(options, canonical):
    component = made(options)
    assert canonical_spec("x", component) == f"x[{canonical}]"
    assert made(canonical) == component


class Nullable(Component):
    tag: str | None = "x"


def test_none_is_quoted_where_it_would_mean_nothing():
    assert canonical_spec("x", Nullable(tag="none")) == 'x[tag="none"]'
    assert canonical_spec("x", Nullable(tag=None)) == "x[tag=none]"


def test_description():
    width = describe_options(Everything)["width"]
    assert (width.type, width.default, width.required, width.help, width.bounds, width.allowed) == (
        "int",
        64,
        False,
        "channels",
        {"ge": 1, "le": 512},
        "int, at least 1, at most 512",
    )
    assert describe_options(Everything)["norm"].choices == ("none", "batch", "layer")
    assert describe_options(Everything)["folder"].type == "Path|none"


class Demanding(Component):
    a: int
    b: int = 0

    def __post_init__(self) -> None:
        if self.b > self.a:
            raise ValueError("b must not be\ngreater than a")
        if self.a == 13:
            raise KeyError("thirteen")


def test_required_options_and_options_that_do_not_go_together():
    with pytest.raises(UsageError, match=r"^it needs the option a=…$"):
        create(Demanding, {"b": 1}, "it")
    with pytest.raises(UsageError, match=r"^it: b must not be greater than a$"):
        create(Demanding, {"a": 1, "b": 2}, "it")
    with pytest.raises(BrokenComponentError, match=r"^it cannot be created: KeyError: 'thirteen'$"):
        create(Demanding, {"a": 13}, "it")
    assert changed_options(create(Demanding, {"a": 0}, "it")) == {"a": 0}


class Plain(Component):
    pass


class Strange(Component):
    x: Site = None  # type: ignore[assignment]


class Site:
    pass


def test_components_without_options_or_with_impossible_ones():
    with pytest.raises(UnknownNameError, match=r"^it has no option 'x'; it has no options$"):
        create(Plain, {"x": 1}, "it")
    with pytest.raises(BrokenComponentError, match=r"option x cannot be of type Site$"):
        create(Strange, {"x": 1}, "it")
