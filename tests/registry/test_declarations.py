"""Components as authors write them: every kind of dataclass works, and wrong declarations are named."""

from __future__ import annotations

import dataclasses
import enum
import functools
import textwrap
from collections.abc import Callable  # noqa: F401 - named in sources
from typing import Any, ClassVar, Final, Literal  # noqa: F401 - named in sources

import pytest

from ganbench import Architecture, Loss, Networks, Regularizer, option
from ganbench.base.errors import BrokenComponentError, UsageError
from ganbench.registry import PluginState
from ganbench.registry.declarations import declaration_problem, declaration_warning
from ganbench.registry.info import ComponentInfo, ResolvedComponent
from ganbench.registry.options import describe_options
from ganbench.registry.plugins import PluginRecord, Registration
from ganbench.registry.specs import parse_spec

RECORD = PluginRecord("test", "test", "1", "test")


class LossBase(Loss):
    def discriminator(self, real, fake):
        return fake.mean() - real.mean()

    def generator(self, real, fake):
        return -fake.mean()


class ArchitectureBase(Architecture):
    latent_dim = 4

    def build(self, data):
        return Networks(None, None)


class RegularizerBase(Regularizer):
    def discriminator(self, view):
        return view.real_logits.sum()


BASES = {"loss": LossBase, "architecture": ArchitectureBase, "regularizer": RegularizerBase}

FROZEN = dataclasses.dataclass(frozen=True)
KEYWORDS = dataclasses.dataclass(frozen=True, kw_only=True)
SLOTS = dataclasses.dataclass(frozen=True, slots=True)
UNEQUAL = dataclasses.dataclass(frozen=True, order=True, repr=False)


def untouched(cls):
    return cls


DECORATORS = {
    "undecorated": untouched,
    "frozen": FROZEN,
    "kw_only": KEYWORDS,
    "slots": SLOTS,
    "order": UNEQUAL,
}


def made(kind, cls, options=""):
    """The component under the name `it`, through the registry's own path."""
    info = ComponentInfo(Registration(kind, "it", cls, "", RECORD), "it")
    spec = parse_spec(f"it[{options}]" if options else "it")
    from ganbench.registry import Registry

    return Registry.bind_info(info, spec)


@pytest.fixture(params=BASES)
def kind(request):
    return request.param


@pytest.mark.parametrize("decorator", DECORATORS.values(), ids=DECORATORS)
@pytest.mark.parametrize("above", DECORATORS.values(), ids=DECORATORS)
def test_a_component_may_be_decorated_or_not_in_every_inheritance(kind, above, decorator):
    @above
    class Parent(BASES[kind]):
        scale: float = option(1.0, "how much", ge=0)
        counted: int = dataclasses.field(default_factory=lambda: 3, init=False)

    @decorator
    class Child(Parent):
        """A child."""

        CONSTANT = 3
        table: ClassVar[dict[str, int]] = {"a": 1}
        sizes: tuple[int, ...] = dataclasses.field(default_factory=lambda: (1, 2))
        mode: Literal["fast", "slow"] = "fast"
        secret: dataclasses.InitVar[int] = 5

        def __post_init__(self, secret):
            if self.scale > 100:
                raise ValueError("too much")

        @property
        def twice(self):
            return 2 * self.scale

    options = describe_options(Child)
    assert [name for name in options if name != "every"] == ["scale", "sizes", "mode"]
    assert (options["scale"].help, options["scale"].bounds) == ("how much", {"ge": 0})
    bound = made(kind, Child, "scale=2,sizes=[3]")
    assert isinstance(bound, ResolvedComponent)
    assert (bound.component.twice, bound.component.sizes) == (4.0, (3,))
    assert bound.spec == "it[scale=2.0,sizes=[3]]"
    assert bound.identity()["options"].items() >= {"scale": 2.0, "sizes": [3]}.items()
    assert bound.component == made(kind, Child, "sizes=[3],scale=2").component
    assert hash(bound.component) == hash(made(kind, Child, "sizes=[3],scale=2").component)
    assert dataclasses.replace(bound.component, scale=3.0, secret=5).twice == 6.0
    assert made(kind, Child).spec == "it"
    assert Child.__doc__ == "A child."
    with pytest.raises(dataclasses.FrozenInstanceError):
        bound.component.scale = 3.0
    with pytest.raises(UsageError, match="at least 0"):
        made(kind, Child, "scale=-1")
    with pytest.raises(UsageError, match="too much"):
        made(kind, Child, "scale=101")


@dataclasses.dataclass(frozen=True)
class Scaled:
    scale: float = 2.0


@pytest.mark.parametrize("decorator", DECORATORS.values(), ids=DECORATORS)
def test_options_of_a_mixin(kind, decorator):
    @decorator
    class Mixed(Scaled, BASES[kind]):
        shift: float = 0.0

    assert made(kind, Mixed, "scale=3").spec == "it[scale=3.0]"


def test_the_option_that_a_decorated_class_hands_down_keeps_its_bounds_and_documentation():
    @FROZEN
    class Parent(LossBase):
        width: int = option(8, "channels", ge=1)

    class Child(Parent):
        width: int = 16

    assert (Parent().width, Child().width, Parent.width, Parent.__doc__) == (8, 16, 8, None)
    assert describe_options(Parent)["width"].allowed == "int, at least 1"


def test_what_other_decorators_and_bases_give_a_class_stays():
    class Tagging:
        def __init_subclass__(cls, **kwargs):
            super().__init_subclass__(**kwargs)
            cls.tag = cls.__name__

    @FROZEN
    @functools.total_ordering
    class Ordered(Tagging, LossBase):
        weight: float = option(1.0, ge=0)

        def __lt__(self, other):
            return self.weight < other.weight

    assert Ordered.tag == "Ordered"
    assert Ordered(weight=3) >= Ordered(weight=2) > Ordered()


def test_what_is_not_frozen_is_refused_in_one_sentence():
    with pytest.raises(
        TypeError, match=r"component Loose must be frozen: write @dataclass\(frozen"
    ):

        @dataclasses.dataclass
        class Loose(LossBase):
            width: int = 3


def test_a_default_that_can_change_is_refused_with_a_way_out():
    with pytest.raises(
        ValueError, match=r"component Shared: mutable .* such as tuple\[int, \.\.\.\]"
    ):

        class Shared(LossBase):
            widths: list[int] = []  # noqa: RUF012

    with pytest.raises(ValueError, match="component Other") as caught:

        class Other(LossBase):
            widths: list[int] = []  # noqa: RUF012

    assert "default_factory" not in str(caught.value)  # which would make another list


class Level(enum.Enum):
    LOW = 1


class Outer:
    scale = 2.0


class Strange:
    pass


class PlainMixin:
    shift: float = 1.0


@pytest.fixture(params=[0, annotations.compiler_flag], ids=["evaluated", "postponed"])
def declared(request):
    """Makes a class from source, with this module's names."""

    def make(body, base="LossBase"):
        source = f"class Made({base}):\n{textwrap.indent(textwrap.dedent(body), '    ')}"
        names = dict(globals())
        exec(compile(source, "made.py", "exec", request.param, dont_inherit=True), names)
        return names["Made"]

    return make


LISTS = "dataclasses.field(default_factory=lambda: [1])"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (f"layers: list[int] = {LISTS}", "option layers is of type list[int], which can change: use "
         "tuple[int, ...]"),
        ("names: list[str]", "use tuple[str, ...]"),
        ("names: set[str] | None = None", "option names is of type set[str]"),
        ("table: dict[str, int] = dataclasses.field(default_factory=dict)", "option table is of type"),
        ("deep: tuple[list[int], ...] = ()", "option deep is of type list[int]"),
        ("bare: list = dataclasses.field(default_factory=list)", "use tuple[int, ...]"),
        ("thing: Strange", "option thing cannot be of type Strange"),
        (f"sizes: tuple[int, ...] = {LISTS}", "option sizes has the default [1] of type list"),
        ("weight: int = 'a'", "option weight has the default 'a' of type str, which is not allowed: "
         "it takes int"),
        ("weight: int = None", "option weight has the default none of type NoneType"),
        ("weight: int = 1.0", "default 1.0 of type float"),
        ("weight: int = True", "default True of type bool"),
        ("mode: Literal['a', 'b'] = 'c'", "it takes a|b"),
        ("act: Callable", "option act cannot be of type Callable, as no spec can give "
         "such a value; make it a name"),
        ("act: Any = print", "option act has the default print of type builtin_function_or_method, "
         "which no spec can give"),
        ("act: float = print", "default print of type builtin_function_or_method"),
        ("kind: type = int", "option kind cannot be of type type"),
        ("weight: float = option(0.0, 'w', gt=0)", "it takes float, greater than 0"),
        ("betas: tuple[float, float] = option((0.5, 1.0), lt=1)", "default (0.5, 1.0)"),
        ("start: dataclasses.InitVar[int]", "start is an InitVar without a default, which no spec can "
         "give: declare it as an option, start: int"),
    ],
)  # fmt: skip
def test_wrong_declarations_are_named(declared, body, sentence):
    assert sentence in declaration_problem(declared(body))
    with pytest.raises(BrokenComponentError, match="it' of test 1 is declared wrongly: "):
        made("loss", declared(body))


@pytest.mark.parametrize(
    ("body", "declaration"),
    [
        ("weight = 2.0", "weight: float = 2.0"),
        ("depths = (1, 2)", "depths: tuple[int, ...] = (1, 2)"),
        ("flip = False", "flip: bool = False"),
        ("level = Level.LOW", "level: Level = Level.LOW"),
        ("word = 'x'", "word: str = 'x'"),
    ],
)
def test_what_looks_like_an_option_gets_a_warning(declared, body, declaration):
    cls = declared(body)
    name = declaration.partition(":")[0]
    assert declaration_problem(cls) is None
    said = (
        f"Made.{name} has no annotation, so it is not an option: add an annotation: {declaration}"
    )
    assert said in declaration_warning(cls)
    with pytest.raises(UsageError, match="has no option") as caught:
        made("loss", cls, f"{name}=1")
    assert f"Made.{name} has no annotation; it needs {declaration}" in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        "weight: float = 2",
        "EPSILON = 1e-8",
        "_cache = 3",
        "scale: ClassVar[float] = 2.0",
        "paper = 'Author 2026'; recommends = {'d_steps': 5}; generator_uses_real = False; needs = {}",
        "__slots_like__ = 'x'\ndef method(self): return 1",
        "class Inner: scale = 2.0",
        "inner = Outer",
        "@property\ndef weight(self): return 2.0",
        "table = {'a': 1}",
        "cached: object = dataclasses.field(init=False, default=None)",
        "level: Level = Level.LOW",
        "text: str | None = None",
        "choice: int | Literal['auto'] = option('auto', ge=1)",
        "fixed: Final[float] = 2.0",
    ],
)
def test_constants_methods_and_right_declarations_are_let_be(declared, body):
    assert declaration_problem(declared(body)) is None
    assert declaration_warning(declared(body)) is None


def test_an_inherited_option_cannot_be_changed_without_an_annotation():
    class Weighted(LossBase):
        weight: float = 1.0

    class Heavier(Weighted):
        weight = 5.0

    class Lazier(RegularizerBase):
        every = 16

    assert Heavier().weight == 1.0  # Python's rule, which nobody expects
    assert "keeps the default that it had before: add an annotation: weight: float = 5.0" in (
        declaration_problem(Heavier)
    )
    assert "every: int = 16" in declaration_problem(Lazier)


def test_annotations_of_a_mixin_that_is_no_dataclass_are_named(declared):
    problem = declaration_problem(declared("width: int = 1", "PlainMixin, LossBase"))
    assert problem.startswith(
        "PlainMixin.shift is not an option, since PlainMixin is not a component class"
    )


def test_annotations_that_are_no_options_may_name_what_only_type_checkers_know():
    class Checked(LossBase):
        cache: ClassVar[NotThere] = None  # noqa: F821
        width: int = 3

    assert declaration_problem(Checked) is None
    assert describe_options(Checked)["width"].type == "int"


THREE = """
import dataclasses
from ganbench import Loss, hookimpl
class Base(Loss):
    def discriminator(self, real, fake): return fake.mean() - real.mean()
    def generator(self, real, fake): return -fake.mean()
class Wrong(Base):
    weight: int = "a"
@dataclasses.dataclass(frozen=True)
class Right(Base):
    weight: int = 3
@hookimpl
def ganbench_losses(register):
    register("wrong", WRONG)
    register("right", Right)
"""


def test_a_wrong_component_is_named_at_load_and_spares_the_others(site):
    site.add("dist", THREE.replace("WRONG", "Wrong"))
    registry = site.load()
    (plugin,) = registry.plugins
    assert plugin.state is PluginState.BROKEN
    assert plugin.error.startswith(
        "loss 'wrong' of dist 1.0 is declared wrongly: option weight has"
    )
    assert registry.bind("loss", "right[weight=4]").spec == "right[weight=4]"
    with pytest.raises(UsageError, match="is broken: loss 'wrong'"):
        site.load(GANBENCH_STRICT_PLUGINS="1")


def test_a_name_of_the_contract_is_just_no_option():
    with pytest.raises(UsageError, match=r"^loss 'it' has no option 'paper'; it has no options$"):
        made("loss", LossBase, "paper=x")


def test_a_warning_stands_beside_the_plugin_whose_components_work(site):
    site.add("dist", THREE.replace("WRONG", "Wrong").replace('weight: int = "a"', "weight = 2"))
    (plugin,) = site.load(GANBENCH_STRICT_PLUGINS="1").plugins
    assert (plugin.state, plugin.error) == (PluginState.OK, "")
    (warning,) = plugin.warnings
    assert warning.startswith("loss 'wrong' of dist 1.0: Wrong.weight has no annotation")


def test_a_lazy_component_is_checked_when_it_is_loaded(site):
    site.add("dist", THREE.replace("WRONG", '"{MODULE}:Wrong"'))
    registry = site.load()
    assert registry.plugins[0].state is PluginState.OK
    with pytest.raises(
        BrokenComponentError, match=r"loss 'wrong' of dist 1\.0 is declared wrongly"
    ):
        registry.bind("loss", "wrong")


class NoRoot(LossBase):
    def project(self):
        return None


class Generous(LossBase):
    def project(self, *networks, often=False):
        return None


def test_a_method_that_cannot_be_called_as_the_contract_says_is_named():
    assert declaration_problem(NoRoot) == (
        "NoRoot.project takes (self), which is not what ganbench calls it with: write def "
        "project(self, discriminator)"
    )
    assert declaration_problem(Generous) is None
