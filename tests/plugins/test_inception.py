"""The Inception network of the standard FID, here with random weights."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from random_inception import write_random_weights
from torch import Tensor

import ganbench as gb
from ganbench_extractors import inception, inception_weights

FILE = inception_weights.FILE_NAMES[0]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with random weights, scaled so that activations neither vanish nor explode."""
    return write_random_weights(tmp_path_factory.mktemp("weights") / "random.pth")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Several threads wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _nothing_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv(inception_weights.ENVIRONMENT, raising=False)


def context(cache: Path) -> gb.ExtractorContext:
    def load(split: str) -> gb.ImageData:
        raise AssertionError("the network needs no data")

    cpu = torch.device("cpu")
    return gb.ExtractorContext(gb.DataSpec(3, 32, 32), load, "key", cache, cpu, lambda line: None)


def images(channels: int) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.randint(256, (1, channels, 24, 32), generator=random, dtype=torch.uint8)


def test_features_are_those_of_torch_fidelity_bit_for_bit(weights: Path, tmp_path: Path) -> None:
    own = gb.get("extractor", f'inception-v3-compat[weights="{weights}"]').prepare(
        context(tmp_path)
    )
    names = ["2048", "logits_unbiased"]
    theirs = inception._fidelity().FeatureExtractorInceptionV3("x", names, str(weights))
    expected, expected_logits = theirs(images(3))
    features, logits = own.forward(images(3))
    assert features.shape == (1, 2048)
    assert logits is not None
    assert logits.shape == (1, 1008)
    assert float(features.std()) > 0.01
    assert torch.equal(features, expected)
    assert torch.equal(logits, expected_logits)
    grey = images(1)
    assert torch.equal(own.forward(grey).features, theirs(grey.repeat(1, 3, 1, 1))[0])


def test_other_weights_are_named_by_their_hash_and_make_no_fid(
    weights: Path, tmp_path: Path
) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with mock.patch.object(torch, "load", wraps=torch.load) as load:
        network = inception.InceptionV3Compat(weights=str(weights)).prepare(context(tmp_path))
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert network.identity == f"inception-v3-compat@{digest[:8]}"
    assert network.info["sha256"] == digest
    assert not network.standard_fid
    assert torch.equal(torch.get_rng_state(), before)
    assert [call.kwargs["weights_only"] for call in load.mock_calls] == [True]


@pytest.mark.parametrize("place", ["cache", "hub", "environment"])
def test_the_published_weights_are_found_wherever_they_lie(
    place: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    monkeypatch.setattr(inception_weights, "SHA256", digest)
    hub = tmp_path / "torch" / "hub" / "checkpoints"
    folder = {"cache": tmp_path / "cache", "hub": hub, "environment": tmp_path}[place]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / inception_weights.FILE_NAMES[1]
    os.link(weights, file)
    if place == "environment":
        monkeypatch.setenv(inception_weights.ENVIRONMENT, str(file))
    network = inception.InceptionV3Compat().prepare(context(tmp_path / "cache"))
    assert network.identity == "inception-v3-compat"
    assert network.standard_fid
    assert network.info["weights"] == str(file)


def test_a_file_that_is_not_the_published_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE).write_bytes(b"something else")
    with pytest.raises(gb.DataNotFoundError, match="is not the published Inception network"):
        inception.InceptionV3Compat().prepare(context(tmp_path))
    monkeypatch.setenv(inception_weights.ENVIRONMENT, str(tmp_path / "nothing"))
    with pytest.raises(gb.DataNotFoundError, match="this file does not exist"):
        inception.InceptionV3Compat().prepare(context(tmp_path))
    with pytest.raises(gb.DataNotFoundError, match="this file does not exist"):
        inception.InceptionV3Compat(weights=str(tmp_path / "nothing")).prepare(context(tmp_path))


class Trap:
    """What a malicious file may hold: unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_a_file_with_code_or_with_another_network_is_refused(tmp_path: Path) -> None:
    trap = tmp_path / "trap.pth"
    torch.save({"fc.weight": Trap(tmp_path / "sprung")}, trap)
    other = tmp_path / "other.pth"
    torch.save({"fc.weight": torch.zeros(2)}, other)
    (tmp_path / "text.pth").write_bytes(pickle.dumps("text"))
    for name, reason in (
        ("trap", "has no weights"),
        ("text", "has no weights"),
        ("other", "not the weights of inception-v3-compat"),
    ):
        with pytest.raises(gb.UsageError, match=reason):
            inception.InceptionV3Compat(weights=str(tmp_path / f"{name}.pth")).prepare(
                context(tmp_path)
            )
    assert not (tmp_path / "sprung").exists()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a file of a few bytes."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "weights.pth").write_bytes(b"weights")
    handler = functools.partial(_Quiet, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/weights.pth"
        running.shutdown()
        thread.join()


def test_weights_are_downloaded_to_the_cache_once(server: str, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"weights").hexdigest()
    said: list[str] = []
    for _ in range(2):
        file = inception_weights.download_weights(tmp_path / "c", server, said.append, digest)
        assert file.path.read_bytes() == b"weights"
        assert file.sha256 == digest
    assert len(said) == 1
    assert file.path == tmp_path / "c" / FILE


def test_a_download_with_another_content_or_none_leaves_nothing_and_says_what_to_do(
    server: str, tmp_path: Path
) -> None:
    cache = tmp_path / "c"
    for url, reason in (
        (server, "has the sha256"),
        (server + "x", "404"),
        ("http://127.0.0.1:1/", "refused"),
    ):
        with pytest.raises(gb.DataNotFoundError, match=reason) as caught:
            inception_weights.download_weights(cache, url, lambda line: None, "0" * 64)
        message = str(caught.value)
        assert str(cache / FILE) in message
        assert str(tmp_path / "torch" / "hub" / "checkpoints") in message
        assert "small-cnn" in message
        assert "\n" not in message
    assert [file.suffix for file in cache.iterdir()] == [".lock"]


def test_a_download_is_given_up_soon_where_nothing_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inception_weights, "_SECONDS_TO_ANSWER", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # which accepts and says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/weights.pth"
        begun = time.monotonic()
        with pytest.raises(gb.DataNotFoundError, match=r"no answer within 0\.2 seconds"):
            inception_weights.download_weights(tmp_path / "c", url, print, "0" * 64)
        assert time.monotonic() - begun < 5


def test_missing_weights_are_a_sentence_and_found_ones_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(inception_weights.ENVIRONMENT, str(tmp_path / FILE))
    extractor = gb.get("extractor", "inception-v3-compat")
    assert "this file does not exist" in extractor.missing(tmp_path, tmp_path, print)
    (tmp_path / FILE).write_bytes(b"weights")
    assert "is not the published" in extractor.missing(tmp_path, tmp_path, print)
    digest = hashlib.sha256(b"weights").hexdigest()
    monkeypatch.setattr(inception_weights, "SHA256", digest)
    assert extractor.missing(tmp_path, tmp_path, print) is None


def test_the_network_says_which_data_it_cannot_see() -> None:
    extractor = gb.get("extractor", "inception-v3-compat")
    assert extractor.problem(gb.DataSpec(1, 8, 8)) is None
    assert extractor.problem(gb.DataSpec(3, 8, 8)) is None
    assert extractor.problem(gb.DataSpec(4, 8, 8)) is None
    assert "pixels" in extractor.problem(gb.DataSpec(2, 1, 1, kind="points"))


def test_clean_resizing_has_an_identity_of_its_own_and_the_same_network(
    weights: Path, tmp_path: Path
) -> None:
    usual, clean = (
        gb.get("extractor", f'inception-v3-compat[weights="{weights}"{more}]').prepare(
            context(tmp_path)
        )
        for more in ("", ",resize=clean")
    )
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:8]
    assert clean.identity == f"inception-v3-compat-clean@{digest}"
    assert not clean.standard_fid
    assert "clean-fid" in clean.info["resize"]
    random = torch.Generator().manual_seed(1)
    large = torch.randint(256, (1, 3, 299, 299), generator=random, dtype=torch.uint8)
    for one, other in zip(usual.forward(large), clean.forward(large), strict=True):
        torch.testing.assert_close(one, other)  # nothing to resize
    small = images(1)
    found = clean.forward(small).features
    assert (found - usual.forward(small).features).abs().max() > 1e-3
    torch.testing.assert_close(clean.faster().forward(small).features, found, rtol=1e-4, atol=1e-5)
