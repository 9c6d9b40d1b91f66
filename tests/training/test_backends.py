"""PyTorch's precision switches, old and new: read, set and put back whatever anybody has set."""

from __future__ import annotations

import itertools

import pytest
import torch

from ganbench.base import backends
from ganbench.base.backends import Switches, allow_tf32, float32_arithmetic, float32_proper
from ganbench.base.determinism import set_variables
from ganbench.base.process_state import ProcessState
from ganbench.evaluation.features import full_precision
from ganbench.grid.settings import TrainingSettings
from ganbench.training.precision import Arithmetic, configure_backends

NEW = hasattr(torch.backends.cuda.matmul, "fp32_precision")
needs_new = pytest.mark.skipif(not NEW, reason="this PyTorch has the older switches only")


def setting(owner, name, value):
    return lambda: setattr(owner, name, value)


BACKENDS = torch.backends
OLD_SWITCHES = {
    "matmul precision high": lambda: torch.set_float32_matmul_precision("high"),
    "matmul precision medium": lambda: torch.set_float32_matmul_precision("medium"),
    "matmul.allow_tf32": setting(BACKENDS.cuda.matmul, "allow_tf32", True),
    "cudnn.allow_tf32 off": setting(BACKENDS.cudnn, "allow_tf32", False),
}
NEW_SWITCHES = {
    "matmul tf32": setting(BACKENDS.cuda.matmul, "fp32_precision", "tf32"),
    "matmul ieee": setting(BACKENDS.cuda.matmul, "fp32_precision", "ieee"),
    "conv ieee": setting(getattr(BACKENDS.cudnn, "conv", None), "fp32_precision", "ieee"),
    "rnn ieee": setting(getattr(BACKENDS.cudnn, "rnn", None), "fp32_precision", "ieee"),
    "all of cudnn tf32": setting(BACKENDS.cudnn, "fp32_precision", "tf32"),
    "everything tf32": setting(BACKENDS, "fp32_precision", "tf32"),
    "everything ieee": setting(BACKENDS, "fp32_precision", "ieee"),
}
ALL = OLD_SWITCHES | NEW_SWITCHES
PAIRS = [
    pytest.param(ALL[a], ALL[b], id=f"{a}, {b}",
                 marks=needs_new if {a, b} & NEW_SWITCHES.keys() else ())
    for a, b in itertools.product(ALL, repeat=2)
]  # fmt: skip


@pytest.fixture(autouse=True)
def as_before():
    set_variables()
    before = Switches.take()
    yield
    before.restore()
    assert Switches.take() == before


def computes():
    """What the GPU's products and convolutions would run in, by the switches that decide."""
    if not NEW:
        return BACKENDS.cuda.matmul.allow_tf32, BACKENDS.cudnn.allow_tf32
    matmul, conv = BACKENDS.cuda.matmul.fp32_precision, BACKENDS.cudnn.conv.fp32_precision
    return matmul == "tf32", conv == "tf32"


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_features_are_computed_in_fp32_and_all_is_put_back(first, second):
    first()
    second()
    before = Switches.take()
    with full_precision():
        assert computes() == (False, False)
        assert torch.get_float32_matmul_precision() == "highest"  # both sets say the same
        assert not BACKENDS.cudnn.allow_tf32
        with float32_proper():
            assert computes() == (False, False)
    assert Switches.take().precisions == before.precisions


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_trial_sets_what_it_needs_and_the_next_one_finds_all_as_it_was(first, second):
    state, before = ProcessState.take(), Switches.take()
    first()
    second()
    configure_backends("tf32")
    assert computes() == (True, True)
    configure_backends("fp32")
    assert computes() == (False, False)
    assert (BACKENDS.cudnn.deterministic, BACKENDS.cudnn.benchmark) == (True, False)
    first()
    second()
    state.restore()
    assert Switches.take() == before


def test_every_other_switch_is_put_back_between_trials():
    state, before = ProcessState.take(), Switches.take()
    BACKENDS.cudnn.enabled = BACKENDS.cudnn.deterministic = False
    BACKENDS.cudnn.benchmark = True
    BACKENDS.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    BACKENDS.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    BACKENDS.cuda.enable_flash_sdp(False)
    BACKENDS.mkldnn.enabled = False
    BACKENDS.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_dtype("cpu", torch.float16)
    torch.use_deterministic_algorithms(True, warn_only=True)
    assert len(changed(before, Switches.take())) >= 9
    state.restore()
    assert Switches.take() == before


def changed(before, now):
    return {name for name, value in before.values.items() if now.values[name] != value}


def test_a_pytorch_without_the_newer_switches(monkeypatch):
    """Stands for 2.6 to 2.8, which have neither the functions nor some of the attributes."""
    monkeypatch.delattr(torch._C, "_get_fp32_precision_getter", raising=False)
    monkeypatch.delattr(torch._C, "_set_fp32_precision_setter", raising=False)
    torch.set_float32_matmul_precision("high")
    before = Switches.take()
    assert before.precisions == {}
    with float32_proper():
        assert torch.get_float32_matmul_precision() == "highest"
    assert torch.get_float32_matmul_precision() == "high"
    lacking = backends._attribute(torch.backends.cudnn, "no_such_switch")
    assert backends._read({"lacking": lacking}) == {}


def test_tensor_float_32_for_some_work_alone():
    allow_tf32(False)
    with float32_arithmetic(True, torch.device("cuda")):
        assert computes() == (True, True)
        with float32_arithmetic(False, torch.device("cuda")):
            assert computes() == (False, False)
        assert computes() == (True, True)
    assert computes() == (False, False)
    with float32_arithmetic(True, torch.device("cpu")):
        assert computes() == (False, False)


def test_samples_are_computed_in_the_precision_of_their_trial():
    gpu = torch.device("cuda")
    for process in (True, False):
        allow_tf32(process)
        for precision, tf32 in (("tf32", True), ("fp32", False)):
            with Arithmetic(TrainingSettings(precision=precision), gpu).sampling():
                assert computes() == (tf32, tf32)
        assert computes() == (process, process)


def test_products_of_a_processor_have_the_same_bits_after_the_switches_were_set():
    left, right = torch.randn(2, 65, 65, generator=torch.Generator().manual_seed(0))
    plain = left @ right
    allow_tf32(True)
    assert torch.equal(left @ right, plain)
    torch.set_float32_matmul_precision("medium")
    with float32_proper():
        assert torch.equal(left @ right, plain)
