"""The version to compare with: a git ref, a folder, an environment, a wheel or a plugin file."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import ganbench
from ganbench.base.errors import UsageError
from ganbench.execution.bench.child import Side
from ganbench.registry.plugin_files import VARIABLE

CURRENT = "the current version"
BASELINE = "the baseline"
_GIT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")  # a hook sets them for its own repository
_PATH = "PYTHONPATH"
_WAYS = (
    "give a git ref, a folder (a checkout, or one that `pip install --target` made), a virtual "
    "environment, a wheel or a plugin file"
)


def current_side() -> Side:
    """This installation, and the code as it stands."""
    return Side(CURRENT, sys.executable, _with_path(_searched()))


@contextlib.contextmanager
def baseline_side(against: str, file: str, root: str) -> Iterator[Side]:
    """The version that ``--against`` names.

    :param file: the file of a component in the current version.
    :param root: the folder from which Python imports it.
    :raises UsageError: if there is no such version.
    """
    place = Path(against).expanduser()
    commit = None if _is_path(against) else _commit(Path(file), against)
    if commit is not None:
        with _worktree(_repository(Path(file)), commit) as tree:
            yield _moved(_repository(Path(file)), tree, root)
    elif not place.exists():
        raise UsageError(f"--against {against}: {_why_no_ref(Path(file), against)}; {_WAYS}")
    elif place.suffix == ".whl":
        with _unpacked(place) as tree:
            yield _first_on_path(tree, tree)
    elif place.is_file():
        yield _other_file(place.resolve(), file)
    elif (python := _interpreter(place)) is not None:
        environment = {k: v for k, v in os.environ.items() if k not in (_PATH, "PYTHONHOME")}
        yield Side(BASELINE, str(python), environment)
    else:
        yield _folder(place.resolve(), file, root)


def _is_path(text: str) -> bool:
    return Path(text).suffix in (".py", ".whl") or text.startswith((".", "~", os.sep))


def _searched() -> list[str]:
    """Where this process finds ganbench, and the entries of its environment."""
    own = str(Path(ganbench.__file__).parents[1])
    entries = [
        os.path.abspath(entry) for entry in os.environ.get(_PATH, "").split(os.pathsep) if entry
    ]
    installed = Path(own).name in ("site-packages", "dist-packages")
    return entries if installed or own in entries else [own, *entries]


def _with_path(entries: Sequence[str]) -> dict[str, str]:
    return dict(os.environ) | {_PATH: os.pathsep.join(dict.fromkeys(entries))}


def _moved(repository: Path, tree: Path, root: str) -> Side:
    """Everything of a repository from another copy of it."""

    def moved(entry: str) -> str:
        path = Path(entry).resolve()
        return (
            str(tree / path.relative_to(repository)) if path.is_relative_to(repository) else entry
        )

    plugins = _plugin_files()
    # A plugin file brings its own folder, which Python searches last.
    roots = (
        [] if Path(root).resolve() in {Path(one).resolve().parent for one in plugins} else [root]
    )
    environment = _with_path([*map(moved, [*roots, *_searched()])])
    if plugins:
        environment[VARIABLE] = os.pathsep.join(map(moved, plugins))
    return Side(BASELINE, sys.executable, environment, str(tree))


def _plugin_files() -> list[str]:
    return [entry for entry in os.environ.get(VARIABLE, "").split(os.pathsep) if entry]


def _first_on_path(root: Path, tree: Path) -> Side:
    return Side(BASELINE, sys.executable, _with_path([str(root), *_searched()]), str(tree))


def _other_file(place: Path, file: str) -> Side:
    """Another file in the place of a plugin file."""
    plugins = _plugin_files()
    same = [os.path.realpath(entry) == os.path.realpath(file) for entry in plugins]
    if not any(same):
        raise UsageError(
            f"--against {place}: a file replaces a file, and {file} was not given by --plugin; {_WAYS}"
        )
    entries = [str(place) if here else entry for entry, here in zip(plugins, same, strict=True)]
    environment = _with_path(_searched()) | {VARIABLE: os.pathsep.join(entries)}
    return Side(BASELINE, sys.executable, environment, str(place.parent))


def _folder(place: Path, file: str, root: str) -> Side:
    """A folder with the component's module, or a checkout that has it in the same subfolder."""
    top = Path(file).resolve().relative_to(Path(root).resolve()).parts[0]
    repository = _repository_or_none(Path(file))
    if (
        repository is not None
        and (place / Path(root).resolve().relative_to(repository) / top).exists()
    ):
        return _moved(repository, place, root)
    for folder in (place, place / "src"):
        if (folder / top).exists():
            return _first_on_path(folder, place)
    raise UsageError(f"--against {place}: this folder has no {top}; {_WAYS}")


def _interpreter(folder: Path) -> Path | None:
    """Python in a virtual environment."""
    places = (folder / "bin" / "python", folder / "Scripts" / "python.exe")
    return next((place.absolute() for place in places if place.exists()), None)


@contextlib.contextmanager
def _unpacked(wheel: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ganbench-bench-") as folder:
        try:
            zipfile.ZipFile(wheel).extractall(folder)
        except zipfile.BadZipFile:
            raise UsageError(f"--against {wheel}: this is not a wheel") from None
        yield Path(folder).resolve()


@contextlib.contextmanager
def _worktree(repository: Path, commit: str) -> Iterator[Path]:
    """The commit in a temporary worktree, which is gone afterwards."""
    with tempfile.TemporaryDirectory(
        prefix="ganbench-bench-", ignore_cleanup_errors=True
    ) as folder:
        tree = Path(folder).resolve() / "tree"
        _git(repository, "worktree", "add", "--detach", str(tree), commit)
        try:
            _take_own_suites(repository, tree)
            yield tree
        finally:
            _git(repository, "worktree", "remove", "--force", str(tree), check=False)


def _take_own_suites(repository: Path, tree: Path) -> None:
    """Both versions of ganbench itself are timed by the suites of the current one."""
    own = Path(ganbench.__file__).parent.resolve()
    if own.is_relative_to(repository):
        suites = own / "testing"
        shutil.copytree(suites, tree / suites.relative_to(repository), dirs_exist_ok=True)


def _repository(file: Path) -> Path:
    found = _repository_or_none(file)
    assert found is not None
    return found


def _repository_or_none(file: Path) -> Path | None:
    """The repository that tracks the file."""
    file = file.resolve()
    if _git(file.parent, "ls-files", "--error-unmatch", str(file), check=False) is None:
        return None
    found = _git(file.parent, "rev-parse", "--show-toplevel", check=False)
    return None if found is None else Path(found).resolve()


def _commit(file: Path, ref: str) -> str | None:
    """The commit that a ref names in the repository of the file."""
    repository = _repository_or_none(file)
    if repository is None:
        return None
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    return _git(repository, *words, check=False)


def _why_no_ref(file: Path, ref: str) -> str:
    repository = _repository_or_none(file)
    if repository is None:
        return (
            f"there is no such folder, and no git repository tracks {file} (`git init`, `git add` and "
            "`git commit` make one)"
        )
    return f"there is no such folder, and no such commit in {repository}"


def _git(folder: Path, *arguments: str, check: bool = True) -> str | None:
    """What git prints; None if it fails."""
    environment = {k: v for k, v in os.environ.items() if k not in _GIT}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, env=environment
        )
    except FileNotFoundError:
        if check:
            raise UsageError("git is not installed: install it, or give a folder") from None
        return None
    if done.returncode == 0:
        return done.stdout.strip()
    if check:
        raise UsageError(f"git {arguments[0]} failed: {' '.join(done.stderr.split())}")
    return None
