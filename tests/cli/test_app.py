"""The command group: help without imports, suggestions, and what every outcome becomes."""

import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import ganbench
from ganbench.base.errors import InterruptedTraining, UnknownNameError
from ganbench.cli.app import COMMANDS, app

HEAVY = {"torch", "torchvision", "pandas", "pyarrow", "pydantic", "matplotlib", "sklearn", "scipy"}


@pytest.fixture
def ending(monkeypatch):
    """Run a command that does what it is given, through the group."""

    def run(action, **environ):
        command = click.Command("try", callback=action)
        monkeypatch.setattr(sys.modules[__name__], "attempt", command, raising=False)
        monkeypatch.setitem(sys.modules, "ganbench.cli.try", sys.modules[__name__])
        monkeypatch.setitem(COMMANDS, "try", "Try.")
        return CliRunner().invoke(app, ["try"], env={"GANBENCH_DEBUG": None} | environ)

    return run


def raising(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize(
    ("action", "code", "stderr"),
    [
        (lambda: None, 0, ""),
        (lambda: 5, 5, ""),
        (lambda: click.get_current_context().exit(1), 1, ""),
        (raising(UnknownNameError("unknown loss 'x'")), 2, "Error: unknown loss 'x'\n"),
        (raising(click.FileError("x", "gone")), 2, "Error: Could not open file 'x': gone\n"),
        (raising(click.ClickException("bad")), 2, "Error: bad\n"),
        (raising(KeyboardInterrupt()), 130, "\nInterrupted.\n"),
        (raising(InterruptedTraining("saved")), 130, "Interrupted.\n"),
        (
            raising(ZeroDivisionError("division\nby zero")),
            3,
            "Internal error: ZeroDivisionError: division by zero\n"
            "Set GANBENCH_DEBUG=1 to see where it comes from.\n",
        ),
        (raising(EOFError("cut off")), 3, "Internal error: EOFError: cut off\n"),
        (raising(BrokenPipeError("a worker")), 3, "Internal error: BrokenPipeError: a worker\n"),
    ],
)
def test_outcomes(ending, action, code, stderr):
    result = ending(action)
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith(stderr) if code == 3 else result.stderr == stderr


def test_debugging_shows_the_traceback(ending):
    result = ending(raising(ValueError("deep")), GANBENCH_DEBUG="1")
    assert result.exit_code == 3
    assert "Traceback" in result.stderr
    assert "in raising" not in result.stderr.splitlines()[0]


def test_wrong_use_of_the_group():
    result = CliRunner().invoke(app, ["lst"])
    assert result.exit_code == 2
    assert "Error: no command 'lst'; did you mean 'list'?" in result.stderr
    assert CliRunner().invoke(app, ["--nothing"]).exit_code == 2


def test_version_and_short_help():
    result = CliRunner().invoke(app, ["--version"], prog_name="ganbench")
    assert result.output == f"ganbench {ganbench.__version__}\n"
    for flag in ("-h", "--help"):
        result = CliRunner().invoke(app, [flag])
        assert result.exit_code == 0
        assert all(f"  {name} " in result.output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_ends_with_examples(name):
    # Not -h: click keeps the names of the option that a command had when a test called it alone.
    result = CliRunner().invoke(app, [name, "--help"], prog_name="ganbench")
    assert result.exit_code == 0
    head, _, tail = result.output.partition("\n  Examples:\n")
    assert "Options:" in head
    lines = tail.splitlines()
    assert lines
    assert all(line.startswith("    ") and "ganbench" in line for line in lines)
    command = app.get_command(click.Context(app), name)
    assert command.name == name


def test_completion_needs_no_command_imported():
    items = app.shell_complete(click.Context(app), "re")
    assert [item.value for item in items] == ["results", "report"]


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["plugins"], ["plugins", "--json"]])
def test_listings_wait_for_no_heavy_library(arguments):
    script = (
        "import sys\nfrom ganbench.cli import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print(sorted({HEAVY} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]"
    assert done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize(
    "arguments", [["list"], ["list", "--json"], ["--help"], ["list", "-h"], ["--version"]]
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_told_in_a_sentence(arguments, unbuffered):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ganbench", *arguments], stdout=full, stderr=subprocess.PIPE,
            text=True, env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
    sentence = "Error: standard output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, sentence)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("arguments", [["list"], ["list", "x"]])
def test_where_no_stream_can_be_written_the_exit_code_tells(arguments):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "ganbench", *arguments]
        assert subprocess.run(command, stdout=full, stderr=full).returncode == 2
        assert subprocess.run([*command[:3], "list"], stderr=full, stdout=-3).returncode == 0


def test_an_error_of_another_file_stays_an_internal_one(ending):
    result = ending(raising(OSError(28, "No space left on device")))
    assert result.exit_code == 3


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_reader_that_leaves_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "ganbench", "list"], stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
