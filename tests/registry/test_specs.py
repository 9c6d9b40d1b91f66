"""The spec grammar: what parses, what it means, and that text and value go both ways."""

import enum
import random
from pathlib import Path

import pytest

from ganbench.base.errors import UsageError
from ganbench.registry.specs import (
    Spec,
    format_spec,
    format_value,
    parse_spec,
    parse_value,
    split_combined,
)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("dcgan", Spec("dcgan")),
        ("dcgan[]", Spec("dcgan")),
        (
            " dcgan [ width = 32 , d_norm = layer ] ",
            Spec("dcgan", {"width": 32, "d_norm": "layer"}),
        ),
        ("My_Dist.x:soft-hinge[a=1]", Spec("soft-hinge", {"a": 1}, "My_Dist.x")),
        ("c[of=cifar10[size=32,flip=true]]", Spec("c", {"of": "cifar10[size=32,flip=true]"})),
        ("f[path=/data/a b]", Spec("f", {"path": "/data/a b"})),
        ("f[path=x=y]", Spec("f", {"path": "x=y"})),
        ("f[path='a,b',size=16]", Spec("f", {"path": "a,b", "size": 16})),
        ("f[path= 'a]' , size=16]", Spec("f", {"path": "a]", "size": 16})),
        ("f[a=o'x,b=d'y]", Spec("f", {"a": "o'x", "b": "d'y"})),
        ("c[of=f[path='a,b'],n=1]", Spec("c", {"of": "f[path='a,b']", "n": 1})),
    ],
)
def test_parsing(text, spec):
    assert parse_spec(text) == spec


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1_000", -1000),
        ("1.5", 1.5),
        ("2e-4", 2e-4),
        (".5", 0.5),
        ("-inf", float("-inf")),
        ("true", True),
        ("None", None),
        ("fp32", "fp32"),
        ("1.2.3", "1.2.3"),
        ("e5", "e5"),
        ("nan", "nan"),
        ('"12"', "12"),
        ('"a, \\"b\\"]"', 'a, "b"]'),
        ("'a,b]'", "a,b]"),
        ("'12'", "12"),
        (r"'C:\new'", r"C:\new"),
        ("'say \"x\"'", 'say "x"'),
        ("''", ""),
        ("o'neill's", "o'neill's"),
        ("['a,b', 'c']", ("a,b", "c")),
        ("[]", ()),
        ("[1,[2,x],none]", (1, (2, "x"), None)),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_values(text, value):
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "a spec is empty; name a component"),
        ("DCGAN", "not 'DCGAN'"),
        ("a--b", "not 'a--b'"),
        (":dcgan", "'' is not a distribution name"),
        ("b c:dcgan", "'b c' is not a distribution name"),
        ("dcgan[width=32", "not closed at the end"),
        ("dcgan[width=32]x", "not closed at the end"),
        ("dcgan[width=32]]", "a closing bracket too many"),
        ("dcgan[a=[1,2]", "a bracket is not closed"),
        ('dcgan[a="x]', "a quote is not closed"),
        ("dcgan[width]", "'width' is not key=value"),
        ("dcgan[=3]", "'=3' is not key=value"),
        ("dcgan[a=1,,b=2]", "an option is missing beside a comma"),
        ("dcgan[a=[1,]]", "an option is missing beside a comma"),
        ("dcgan[a=1,a=2]", "option 'a' is given twice"),
        ('dcgan[a="x"y]', "bad quoted text"),
        ("dcgan[a='x]", "a quote is not closed"),
        ("dcgan[a='x'y]", "it ends at the next single quote"),
        ("dcgan[a='x''y']", "it ends at the next single quote"),
        (r'f[path="C:\Users\me"]', "use single quotes, which keep backslashes"),
        (r'f[path="C:\users"]', "a backslash begins an escape"),
        (3, "a spec is text such as 'name[key=value]', not 3"),
    ],
)
def test_mistakes_are_named_in_one_line(text, problem):
    with pytest.raises(UsageError) as caught:
        parse_spec(text)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_value_survives_being_written_down():
    random.seed(0)
    words = ["none", "True", "1e3", "-0", "inf", "", " x", "a,b", "a]b", "[a", 'say "x"', '"', "\\"]
    words += ["it's", "'x'", "'", "x='y", "a,'b", "['"]
    words += ["tab\t", "two\nlines", "Zürich", "\u2028", "cifar10[size=32]", "x[", "a=b", "\ud800"]
    leaves = [
        lambda: random.choice(words),
        lambda: "".join(random.choices("ab1,.[]='\"\\ ", k=random.randrange(6))),
        lambda: random.choice([True, False, None]),
        lambda: random.randrange(-(10**12), 10**12),
        lambda: random.uniform(-1, 1) * 10.0 ** random.randrange(-30, 30),
    ]

    def some(depth):
        if depth and random.random() < 0.3:
            return tuple(some(depth - 1) for _ in range(random.randrange(4)))
        return random.choice(leaves)()

    for _ in range(3000):
        options = {f"k{n}": some(2) for n in range(random.randrange(1, 4))}
        text = format_spec("name", options)
        assert parse_spec(text) == Spec("name", options), text
        assert str(parse_spec(f"dist:{text}")) == f"dist:{text}"
        assert text.isprintable()


def test_special_values_are_written_as_what_they_stand_for():
    class Colour(enum.StrEnum):
        RED = "red"

    class Big(int):
        def __repr__(self):
            return "Big"

    assert format_value(Colour.RED) == "red"
    assert format_value(Big(3)) == "3"
    assert format_value(Path("/a,b")) == '"/a,b"'
    assert format_value([1.0, [None]]) == "[1.0,[none]]"


def test_what_was_written_is_kept_beside_what_it_stands_for():
    assert parse_spec('x[a=007,b=[1e3,none],c="true"]').texts == {
        "a": "007",
        "b": ("1e3", "none"),
        "c": "true",
    }


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("r1[gamma=1]+r2", ["r1[gamma=1]", "r2"]),
        ("r1[tag='a+b']+r2", ["r1[tag='a+b']", "r2"]),
        (r'r1[tag="\"+"]+r2', [r'r1[tag="\"+"]', "r2"]),
        ("r1[tag=a'b]+r2[tag=c'd]", ["r1[tag=a'b]", "r2[tag=c'd]"]),
        ("r1[tag='a]+r2", ["r1[tag='a]+r2"]),
    ],
)
def test_combined_specs_are_split_outside_quotes_and_brackets(text, parts):
    assert split_combined(text) == parts
