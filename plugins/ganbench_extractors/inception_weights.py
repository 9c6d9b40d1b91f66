"""Finding, checking and downloading the weights of the standard FID Inception network.

They are the TensorFlow graph of 2015-12-05 converted to PyTorch; torch-fidelity and pytorch-fid
publish the same file under two names, which end in the beginning of its sha256.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import queue
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from ganbench import DataNotFoundError
from ganbench.base.files import replacing, sha256_of

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
FILE_NAMES = (
    "weights-inception-2015-12-05-6726825d.pth",
    "pt_inception-2015-12-05-6726825d.pth",
)
ENVIRONMENT = "GANBENCH_INCEPTION"

_ALTERNATIVE = "use another extractor, such as efficientnet-lite0 or small-cnn"
_SECONDS_TO_ANSWER = 10.0  # for names, connections and redirections together
_SECONDS_OF_SILENCE = 30.0
_CHUNK = 2**20


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights and the sha256 of its content."""

    path: Path
    sha256: str

    @property
    def standard(self) -> bool:
        """Whether these are the published weights."""
        return self.sha256 == SHA256


def chosen_weights(path: str) -> WeightsFile:
    """The file named in the options; its weights may differ from the published ones."""
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise DataNotFoundError(f"inception-v3-compat[weights={file}]: this file does not exist")
    return WeightsFile(file, sha256_of(file))


def find_weights(cache: Path) -> WeightsFile | None:
    """The published weights in ``$GANBENCH_INCEPTION`` or a cache; None if they are missing.

    :raises DataNotFoundError: if a file has other content.
    """
    for path in places(cache):
        if path.is_file():
            return _checked(path, SHA256)
    if os.environ.get(ENVIRONMENT):
        raise DataNotFoundError(
            f"{ENVIRONMENT} names {places(cache)[0]}, but this file does not exist; put the weights of "
            f"inception-v3-compat there, or {_ALTERNATIVE}"
        )
    return None


def places(cache: Path) -> list[Path]:
    """Where the weights may lie; only the first counts if ``$GANBENCH_INCEPTION`` is set."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return [Path(named).expanduser().absolute()]
    import torch

    folders = (cache, Path(torch.hub.get_dir()) / "checkpoints")
    return [folder.absolute() / name for folder in folders for name in FILE_NAMES]


def download_weights(
    cache: Path, url: str, log: Callable[[str], None], sha256: str = SHA256
) -> WeightsFile:
    """Download the weights to the cache; other processes wait for the first.

    :raises DataNotFoundError: if the download fails; says where to put the file.
    """
    target = cache.absolute() / FILE_NAMES[0]
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(target.with_suffix(".lock")):
            if not target.is_file():
                log(f"downloading the Inception network's weights from {url}")
                _fetch(url, target, sha256)
    except (OSError, http.client.HTTPException) as error:  # timeouts are OSErrors
        raise DataNotFoundError(
            f"the weights of inception-v3-compat are not in {_listed(cache)} and cannot be "
            f"downloaded from {url} ({error}); put that file at {target}, name it in {ENVIRONMENT}, "
            f"or {_ALTERNATIVE}"
        ) from error
    return _checked(target, sha256)


def _listed(cache: Path) -> str:
    return " nor ".join(dict.fromkeys(str(place.parent) for place in places(cache)))


def _checked(path: Path, sha256: str) -> WeightsFile:
    found = sha256_of(path)
    if found != sha256:
        raise DataNotFoundError(
            f"{path} is not the published Inception network: its sha256 is {found}, not {sha256}; "
            f"remove it, or {_ALTERNATIVE}"
        )
    return WeightsFile(path, found)


def _fetch(url: str, target: Path, sha256: str) -> None:
    """Download and check a file: the target is whole or missing."""
    digest = hashlib.sha256()
    with replacing(target) as partial:
        with _answer(url) as answer, partial.open("wb") as file:
            while chunk := answer.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != sha256:
            raise OSError(f"the download has the sha256 {digest.hexdigest()}, not {sha256}")


def _answer(url: str) -> Any:
    """Open the address in a thread, because behind a firewall each step may hang."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(urllib.request.urlopen(url, timeout=_SECONDS_OF_SILENCE))
        except Exception as error:
            answers.put(OSError(str(error)))  # the error itself may hold an open connection

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=_SECONDS_TO_ANSWER)
    except queue.Empty:
        raise TimeoutError(f"no answer within {_SECONDS_TO_ANSWER:g} seconds") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
