"""The contract of callbacks, as tests."""

from __future__ import annotations

import contextlib
import copy
import math
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganbench.components.callback import Callback
from ganbench.testing.components import ComponentTests
from ganbench.testing.harness import own_randomness
from ganbench.testing.made_up_trial import MadeUpTrial


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
        self._callback, self._seed, self._inside = callback, seed, inside
        self._open = contextlib.ExitStack()

    def __enter__(self) -> _Followed:
        if self._inside is None:
            self._place = Path(self._open.enter_context(tempfile.TemporaryDirectory())).resolve()
            self._open.enter_context(contextlib.chdir(self._place))
        else:
            self._place = self._inside._place
        self._trial = MadeUpTrial(self._place, self._seed)
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def start(self) -> None:
        self._call("trial_started", self._trial.identity, self._trial.folder)

    def ticks(self, *numbers: int, without: Sequence[str] = (), **values: Any) -> None:
        """Ticks with these numbers, after their lines of the history."""
        for number in numbers:
            record = self._trial.record(number, **values)
            record = {name: value for name, value in record.items() if name not in without}
            self._call("tick", self._trial.identity, record)

    def end(
        self,
        status: str,
        *,
        error: str | None = None,
        without: Sequence[str] = (),
        **values: Any,
    ) -> None:
        """The end with a row, as ganbench makes it."""
        row = self._trial.row(status, error, **values)
        row = {name: value for name, value in row.items() if name not in without}
        self._call("trial_ended", self._trial.identity, row)

    def content(self) -> dict[str, bytes]:
        """The files of the trial."""
        return {
            path.name: path.read_bytes() for path in self._trial.folder.iterdir() if path.is_file()
        }

    def _call(self, event: str, *given: Any) -> None:
        kept = copy.deepcopy(given)
        try:
            getattr(self._callback, event)(*given)
        except (Exception, SystemExit) as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__}: {error} (line {last.lineno} of {last.filename})"
            raise AssertionError(f"{event} raises {what}; {_advice(error, event)}") from error
        same = repr(kept) == repr(given)
        assert same, f"{event} changes what it is given: copy it first, as in dict(record)"


def _advice(error: BaseException, event: str) -> str:
    if isinstance(error, KeyError):
        return "a trial need not have every value: use .get(), and leave out what is None"
    if isinstance(error, (TypeError, ValueError)):
        return "values may be None or NaN in a trial that failed or diverged: test them first"
    return f"{event} must cope with every trial, since its errors are lost in the trial's log"
