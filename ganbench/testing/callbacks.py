"""The contract of callbacks, as tests."""

from __future__ import annotations

import contextlib
import copy
import io
import math
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ganbench.components.callback import Callback
from ganbench.components.data import DataSpec
from ganbench.grid.cell import Trial
from ganbench.testing.components import ComponentTests
from ganbench.testing.harness import make_cell, own_randomness
from ganbench.testing.partners import Partner, PartnerLoss
from ganbench.training.row_builder import RowBuilder

_HEAD = "trial,tick,images,steps,train_seconds,fd,d_loss,g_loss"


class CallbackTests(ComponentTests):
    """Inherit, and name the callback::

        class TestJournal(CallbackTests):
            component = Journal(path="fd.jsonl")

    Each test follows made-up trials in an empty folder, which is the working directory.

    :cvar component: the callback under test.
    """

    component: Callback

    def test_missing_is_nothing_or_a_sentence(self) -> None:
        """A run asks before it begins, and shows the answer."""
        answer = self.component.missing()
        assert answer is None or (isinstance(answer, str) and answer), (
            f"missing() returns {answer!r}: return None, or a sentence that says what to install"
        )

    def test_it_follows_a_trial(self) -> None:
        """From its start to its row."""
        with _Followed(self.component) as trial:
            trial.start()
            trial.ticks(0, 1, 2)
            trial.end("ok", fd=3.0)

    def test_it_follows_a_trial_that_diverges(self) -> None:
        """Numbers are NaN or missing then, in the history and in the row."""
        with _Followed(self.component) as trial:
            trial.start()
            trial.ticks(0)
            trial.ticks(1, fd=math.nan, d_loss=math.inf, g_loss=None)
            trial.end("diverged", error="d_loss became non-finite", fd=None)

    def test_it_follows_a_trial_without_the_usual_metrics(self) -> None:
        """A grid chooses its metrics: ``fd`` need not be among them."""
        with _Followed(self.component) as trial:
            trial.start()
            trial.ticks(0, without=("fd",))
            trial.end("ok", without=("fd",))

    def test_it_follows_a_trial_that_goes_on(self) -> None:
        """An interrupted trial starts again, perhaps in another process, and repeats a tick."""
        with _Followed(self.component) as trial:
            trial.start()
            trial.ticks(0, 1)
            trial.end("interrupted", error="stopped")
            trial.start()
            trial.ticks(1, 2)
            trial.end("ok", fd=3.0)

    def test_it_hears_of_an_end_without_a_start(self) -> None:
        """A trial whose process died before its start has a row all the same."""
        with _Followed(self.component) as trial:
            trial.end("crashed", error="its process ended", fd=None)

    def test_it_follows_two_trials_at_a_time(self) -> None:
        """An object in `ganbench.run` hears of all trials, in turn."""
        with _Followed(self.component) as one, _Followed(self.component, seed=1, inside=one) as two:
            one.start()
            two.start()
            one.ticks(0)
            two.ticks(0, 1)
            one.ticks(1)
            two.end("ok", fd=3.0)
            one.end("ok", fd=3.0)

    def test_it_changes_nothing(self) -> None:
        """Neither what it is given, nor the files of the trial, nor a random state."""
        with _Followed(self.component) as trial, own_randomness("the callback"):
            before = trial.content()
            trial.start()
            trial.ticks(0, 1)
            trial.end("ok", fd=3.0)
            for name, text in before.items():
                assert trial.content().get(name) == text, (
                    f"it changes {name} in the trial's folder, which is ganbench's: write another file"
                )


class _Followed:
    """A made-up trial that a callback follows, in a folder of its own."""

    def __init__(self, callback: Callback, seed: int = 0, inside: _Followed | None = None) -> None:
        cell = make_cell(DataSpec(1, 8, 8, classes=3), Partner(), PartnerLoss())
        self._callback, self._inside = callback, inside
        self._trial = Trial(cell, seed)
        self._identity: dict[str, Any] = self._trial.identity()
        self._open = contextlib.ExitStack()

    def __enter__(self) -> _Followed:
        if self._inside is None:
            self._place = Path(self._open.enter_context(tempfile.TemporaryDirectory())).resolve()
            self._open.enter_context(contextlib.chdir(self._place))
        else:
            self._place = self._inside._place
        self._folder = self._place / "run" / "trials" / self._trial.id
        self._folder.mkdir(parents=True)
        (self._folder / "trial.json").write_text("{}")
        (self._folder / "history.csv").write_text(f"{_HEAD}\n")
        (self._folder / "samples.png").write_bytes(_PICTURE)
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def start(self) -> None:
        self._call("trial_started", self._identity, self._folder)

    def ticks(self, *numbers: int, without: Sequence[str] = (), **values: Any) -> None:
        """Ticks with these numbers, after their lines of the history."""
        for number in numbers:
            record = {
                "trial": self._trial.id,
                "tick": number,
                "images": 100 * number,
                "steps": 10 * number,
                "train_seconds": float(number),
                "fd": 10.0 - number,
                "d_loss": 1.0,
                "g_loss": 2.0,
                **values,
            }
            record = {name: value for name, value in record.items() if name not in without}
            self._call("tick", self._identity, record)

    def end(
        self,
        status: str,
        *,
        error: str | None = None,
        without: Sequence[str] = (),
        **values: Any,
    ) -> None:
        """The end with a row, as ganbench makes it."""
        known = {"images": 200, "steps": 20, "train_seconds": 2.0, **values}
        row = RowBuilder(self._trial, 1, "cpu").ended(status, error, **known)
        self._call(
            "trial_ended", self._identity, {k: v for k, v in row.items() if k not in without}
        )

    def content(self) -> dict[str, bytes]:
        """The files of the trial."""
        return {path.name: path.read_bytes() for path in self._folder.iterdir() if path.is_file()}

    def _call(self, event: str, *given: Any) -> None:
        kept = copy.deepcopy(given)
        try:
            getattr(self._callback, event)(*given)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__}: {error} (line {last.lineno} of {last.filename})"
            raise AssertionError(f"{event} raises {what}; {_advice(error, event)}") from error
        same = repr(kept) == repr(given)
        assert same, f"{event} changes what it is given: copy it first, as in dict(record)"


def _advice(error: Exception, event: str) -> str:
    if isinstance(error, KeyError):
        return "a trial need not have every value: use .get(), and leave out what is None"
    if isinstance(error, (TypeError, ValueError)):
        return "values may be None or NaN in a trial that failed or diverged: test them first"
    return f"{event} must cope with every trial, since its errors are lost in the trial's log"


def _png() -> bytes:
    with io.BytesIO() as target:
        Image.new("RGB", (2, 2)).save(target, "PNG")
        return target.getvalue()


_PICTURE = _png()
