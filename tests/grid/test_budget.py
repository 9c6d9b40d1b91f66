"""Budgets: what they may be, and that text and value go both ways."""

import pytest

from ganbench.base.errors import UsageError
from ganbench.grid.budget import Budget, parse_budget


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("200000img", "images", 200_000),
        ("200_000 images", "images", 200_000),
        ("200kimg", "images", 200_000),
        ("0.0003Mimg", "images", 300),
        ("5e6img", "images", 5_000_000),
        ("2000steps", "steps", 2000),
        ("1step", "steps", 1),
        ("60s", "seconds", 60.0),
        ("1.5 min", "seconds", 90.0),
        ("10m", "seconds", 600.0),
        ("2h", "seconds", 7200.0),
        ("0.1sec", "seconds", 0.1),
    ],
)
def test_reading(text, unit, amount):
    budget = parse_budget(text)
    assert (budget.unit, budget.amount) == (unit, amount)
    assert type(budget.amount) is type(amount)
    assert parse_budget(str(budget)) == budget
    assert budget.as_dict() == {unit: amount}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "write it as 200000img"),
        ("fast", "write it as 200000img"),
        ("-5steps", "write it as 200000img"),
        ("5", "write it as 200000img"),
        ("1e9999steps", "write it as 200000img"),
        (2000, "write it as 200000img"),
        ("5apples", "unknown unit 'apples'"),
        ("0steps", "steps = 0: must be more than zero"),
        ("1.5steps", "steps = 1.5: must be a whole number"),
        ("1e99img", "must be more than zero, at most 1e+15"),
    ],
)
def test_mistakes(text, problem):
    with pytest.raises(UsageError, match="bad budget") as caught:
        parse_budget(text)
    assert problem in str(caught.value)


@pytest.mark.parametrize("amount", [True, "3", None, 0, -1, float("nan"), float("inf"), 10**400])
def test_amounts_of_a_grid_file_that_are_none(amount):
    for unit in ("images", "seconds"):
        with pytest.raises(UsageError, match=f"bad budget {unit} = "):
            Budget(unit, amount)
    with pytest.raises(UsageError, match="bad budget unit 'epochs'"):
        Budget("epochs", 3)


def test_seconds_are_one_budget_whether_written_whole_or_not():
    assert Budget("seconds", 60) == parse_budget("1m")
    assert type(Budget("seconds", 60).amount) is float
