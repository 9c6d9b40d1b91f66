"""Operations that give other bits in every run are heard and named."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import pytest
import torch

from ganbench.base.backends import Switches, default_switches, set_defaults
from ganbench.base.determinism import CUBLAS, NondeterminismWatch, operation_of, set_variables


@pytest.fixture(autouse=True)
def switches():
    with default_switches():
        yield


def unordered():
    torch.zeros(4).put_(torch.tensor([1, 2]), torch.ones(2))


class Backwards(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        unordered()
        return gradient


def test_an_operation_is_named_once_with_the_line_that_uses_it(capsys):
    heard = []
    with NondeterminismWatch(heard.append):
        torch.ones(3).cumsum(0)
        assert heard == []
        for _ in range(3):
            unordered()
    assert heard == ["put_"]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{__file__}:")
    assert "put_ is not deterministic here" in line


def test_a_backward_pass_is_heard():
    heard = []
    with NondeterminismWatch(heard.append):
        Backwards.apply(torch.ones(2, requires_grad=True)).sum().backward()
    assert heard == ["put_"]


def test_code_that_silences_warnings_is_heard_from_the_next_look_on():
    heard = []
    with NondeterminismWatch(heard.append) as watch:
        warnings.simplefilter("ignore")
        warnings.showwarning = lambda *rest: None
        unordered()
        assert heard == []
        watch.renew()
        unordered()
        assert heard == ["put_"]
        filters = list(warnings.filters)
        watch.renew()
        assert warnings.filters == filters


def test_other_warnings_go_where_they_went():
    seen, filters, show = [], list(warnings.filters), warnings.showwarning
    with pytest.warns(UserWarning, match="of another kind"), NondeterminismWatch(seen.append):
        warnings.warn("of another kind", stacklevel=1)
    assert (seen, warnings.filters, warnings.showwarning) == ([], filters, show)


def test_the_sentences_of_pytorch():
    assert (
        operation_of("put_ does not have a deterministic implementation, but you set …") == "put_"
    )
    late = "… but this operation is not deterministic because it uses CuBLAS and you have CUDA >= 10.2."
    assert operation_of(late) == CUBLAS
    assert operation_of("The .grad attribute of a Tensor that is not a leaf …") is None


def test_the_switches_of_every_process_are_put_back_where_the_process_has_other_work():
    usual = Switches.take()
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.deterministic = False
    torch.set_float32_matmul_precision("high")
    torch.use_deterministic_algorithms(False)
    own = Switches.take()
    with default_switches():
        assert Switches.take().values == usual.values
        assert torch.get_float32_matmul_precision() == "highest"
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert not torch.utils.deterministic.fill_uninitialized_memory
    assert Switches.take() == own
    set_defaults()
    assert Switches.take().values == usual.values


def test_variables_are_set_where_nobody_set_them(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    monkeypatch.delenv("TORCHINDUCTOR_DETERMINISTIC")
    set_variables()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
    assert os.environ["TORCHINDUCTOR_DETERMINISTIC"] == "1"


def test_the_switches_are_set_without_pytorch_s_compiler():
    """Its import takes most of a second."""
    code = (
        "import sys; from ganbench.base.backends import Switches, default_switches\n"
        "with default_switches(): pass\n"
        "assert 'torch._inductor' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
