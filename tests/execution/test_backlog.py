"""Trials that share data follow each other on a worker."""

from __future__ import annotations

from types import SimpleNamespace

from ganbench.execution.supervise.backlog import Backlog, Job


def job(dataset, number):
    cell = SimpleNamespace(
        dataset=SimpleNamespace(spec=dataset), extractors=(SimpleNamespace(spec="pixels"),)
    )
    return Job(SimpleNamespace(cell=cell, id=f"{dataset}{number}"), number)


def test_a_worker_stays_with_the_data_that_it_has():
    backlog = Backlog([job("a", 1), job("b", 2), job("a", 3), job("b", 4)])
    first = backlog.next("")
    second = backlog.next("", [first.group])  # another worker takes other data
    assert [first.id, second.id] == ["a1", "b2"]
    assert backlog.next(first.group, [second.group]).id == "a3"
    assert backlog.next(first.group, [second.group]).id == "b4"
    assert backlog.next("") is None
    assert len(backlog) == 0


def test_what_is_put_back_comes_first():
    backlog = Backlog([job("a", 1), job("a", 2)])
    backlog.put_back(backlog.next(""))
    assert backlog.next("").id == "a1"
    backlog.clear()
    assert backlog.next("") is None
