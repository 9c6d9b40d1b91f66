"""The simulated GPU itself: what it says, counts, refuses and finds."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from ganbench.testing.simulated_gpu import HostWaitError, simulated_gpu

CUDA = torch.device("cuda", 0)
MIB = 2**20


@pytest.fixture
def gpu():
    with simulated_gpu(total_memory=64 * MIB) as device:
        yield device


def test_tensors_and_torch_say_that_there_is_a_gpu(gpu):
    x = torch.ones(2, 3, device="cuda")
    assert (x.device, x.is_cuda, x.is_cpu, x.get_device()) == (CUDA, True, False, 0)
    assert (x + 1).cpu().tolist() == [[2.0] * 3] * 2
    assert torch.cuda.is_available()
    assert torch.cuda.device_count() == 1
    assert torch.cuda.get_device_properties(0).total_memory == 64 * MIB
    for wrong in (lambda: x.to("cuda:1"), lambda: torch.ones(1, device="cuda:1")):
        with pytest.raises(RuntimeError, match="invalid device ordinal"):
            wrong()


def test_afterwards_there_is_no_gpu_any_more():
    known = torch.cuda.is_available(), torch.Generator, torch.autocast, torch.Tensor.pin_memory
    with simulated_gpu():
        left = torch.ones(3, device="cuda")
    assert known == (
        *(torch.cuda.is_available(), torch.Generator, torch.autocast),
        torch.Tensor.pin_memory,
    )
    with pytest.raises(RuntimeError, match="used after the simulation"):
        left + 1


def test_memory_is_counted_while_storages_live(gpu):
    start = torch.cuda.memory_allocated()
    x = torch.zeros(MIB, dtype=torch.uint8, device="cuda")
    view, _ = x[10:], x.cpu()
    assert torch.cuda.memory_allocated() - start == MIB
    del x
    assert torch.cuda.memory_allocated() - start == MIB  # the view keeps it
    del view
    assert torch.cuda.memory_allocated() == start
    assert torch.cuda.max_memory_allocated() - start == MIB
    torch.cuda.reset_peak_memory_stats()
    assert torch.cuda.max_memory_allocated() == start


def test_what_does_not_fit_is_out_of_memory(gpu):
    free, total = torch.cuda.mem_get_info()
    assert (free, total) == (64 * MIB, 64 * MIB)
    for size in (65 * MIB, 2**60):
        with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
            torch.empty(size, dtype=torch.uint8, device="cuda")
    torch.cuda.set_per_process_memory_fraction(0.5)
    with pytest.raises(torch.OutOfMemoryError):
        torch.empty(33 * MIB, dtype=torch.uint8, device="cuda")
    torch.empty(31 * MIB, dtype=torch.uint8, device="cuda")


def test_the_gpu_has_a_random_state_of_its_own(gpu):
    host = torch.get_rng_state()
    torch.cuda.manual_seed(3)
    state = torch.cuda.get_rng_state()
    first, layer = torch.rand(5, device="cuda"), F.dropout(torch.ones(5, device="cuda"))
    torch.cuda.set_rng_state(state)
    assert torch.equal(first, torch.rand(5, device="cuda"))
    assert torch.equal(layer, F.dropout(torch.ones(5, device="cuda")))
    assert torch.equal(host, torch.get_rng_state())
    with torch.random.fork_rng(devices=[0]):
        torch.rand(1, device="cuda")
    one, other = (torch.Generator(device="cuda").manual_seed(3) for _ in range(2))
    assert one.device == CUDA
    assert isinstance(one, torch.Generator)
    drawn = torch.randn(3, generator=one, device="cuda")
    assert torch.equal(drawn, torch.empty(3, device="cuda").normal_(generator=other))
    with pytest.raises(RuntimeError, match="Expected a 'cpu' device type for generator"):
        torch.randn(3, generator=one)


def test_copies_wait_but_those_from_pinned_memory_and_without_blocking(gpu):
    host = torch.arange(8.0)
    pinned = host.pin_memory()
    there = torch.empty(8, device="cuda")
    with gpu.watching() as report:
        pinned.to("cuda", non_blocking=True)
        pinned[2:4].to(device="cuda", non_blocking=True)
        there.copy_(pinned, non_blocking=True)
        back = there.to("cpu", non_blocking=True)
        torch.zeros(3, device="cuda").fill_(2.0)
    assert not report, report
    assert back.is_pinned()
    assert not host.is_pinned()
    for wait in (
        lambda: host.to("cuda", non_blocking=True),
        lambda: pinned.to("cuda"),
        lambda: there.copy_(host),
        lambda: torch.tensor([1.0], device="cuda"),
        lambda: there.cpu(),
        lambda: host.copy_(there),
        lambda: there.tolist(),
        lambda: float(there[0]),
        lambda: bool((there > 0).all()),
        lambda: f"{there.sum():.2f} {there}",
        lambda: there.numpy(force=True),
        lambda: pickle.dumps(there),
        lambda: torch.repeat_interleave(there, there.long()),
        torch.cuda.synchronize,
    ):
        with gpu.watching() as report:
            wait()
        assert report.waits
        assert {found.place.file for found in report.waits} == {__file__}


def test_a_strict_watch_raises_where_the_host_would_wait(gpu):
    x = torch.ones(3, device="cuda")
    with gpu.watching(strict=True), pytest.raises(HostWaitError, match=r"x\.sum"):
        x.sum().item()


def test_the_debug_mode_of_torch_finds_waits(gpu):
    x = torch.ones(3, device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    with pytest.raises(RuntimeError, match="called a synchronizing CUDA operation"):
        x.sum().item()
    torch.cuda.set_sync_debug_mode("warn")
    with pytest.warns(UserWarning, match="called a synchronizing CUDA operation"):
        x.sum().item()
    torch.cuda.set_sync_debug_mode("default")
    x.sum().item()


def test_numbers_on_the_cpu_may_meet_the_gpu_and_vectors_may_not(gpu):
    x = torch.ones(3, device="cuda")
    with gpu.watching() as report:
        assert (x * torch.tensor(2.0)).is_cuda
        assert torch.where(x > 0, torch.tensor(0.0), x).is_cuda
        for meeting in (lambda: x + torch.ones(3), lambda: torch.cat([x, torch.ones(1)])):
            with pytest.raises(RuntimeError, match="to be on the same device"):
                meeting()
    assert len(report.mixed_devices) == 2
    assert not report.waits


def test_functions_of_torch_make_what_they_need_on_the_gpu(gpu):
    x = torch.arange(6.0, device="cuda")
    assert x.quantile(0.5).is_cuda
    assert x.new_tensor([1, 2]).is_cuda
    assert torch.as_tensor([1], device="cuda").is_cuda
    assert torch.tensor(x).is_cuda
    assert torch.zeros(2).device.type == "cpu"


STABLE_ON_REQUEST = {
    "scatter_add": lambda x: torch.zeros_like(x).scatter_add(0, torch.zeros_like(x).long(), x),
    "index_add": lambda x: torch.zeros_like(x).index_add(0, torch.zeros_like(x).long(), x),
    "gather backward": lambda x: x.gather(0, torch.zeros_like(x).long()),
    "index_select backward": lambda x: x.index_select(0, torch.zeros_like(x).long()),
}
STABLE = {
    "index backward": lambda x: x[torch.zeros_like(x).long()],
    "embedding backward": lambda x: F.embedding(torch.zeros_like(x).long(), x[:, None]),
    "average pooling": lambda x: F.avg_pool2d(x.view(1, 1, 4, 4), 2),
    "maximum over blocks": lambda x: x.view(4, 4).amax(1),
    "sum of integers": lambda x: x * torch.ones(16, dtype=torch.int64, device="cuda").cumsum(0),
}


@pytest.mark.parametrize("name", [*STABLE, *STABLE_ON_REQUEST])
def test_operations_are_stable_always_or_on_request(name, gpu):
    operation = (STABLE | STABLE_ON_REQUEST)[name]

    def found():
        x = torch.arange(16.0, device="cuda").requires_grad_()
        with gpu.watching() as report:
            operation(x).square().sum().backward()
        return report.nondeterministic

    assert bool(found()) == (name in STABLE_ON_REQUEST)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        assert not found()
    finally:
        torch.use_deterministic_algorithms(False)


def test_an_unstable_backward_pass_is_found_at_the_line_of_its_forward_pass(gpu):
    x = torch.ones(1, 1, 4, 4, device="cuda", requires_grad=True)
    with gpu.watching() as report:
        padded = F.pad(x, [1] * 4, mode="reflect")  # here
        (slope,) = torch.autograd.grad(padded.square().sum(), x, create_graph=True)
        slope.square().sum().backward()
    assert {one.operation for one in report.nondeterministic} == {"aten.reflection_pad2d_backward"}
    assert all(one.place.code.endswith("# here") for one in report.nondeterministic)


def test_torch_says_itself_what_is_unstable_if_it_is_asked_to(gpu):
    x = torch.ones(2, 8, device="cuda")
    words = "cumsum does not have a deterministic implementation"
    try:
        torch.use_deterministic_algorithms(True, warn_only=True)
        with pytest.warns(UserWarning, match=words):
            x.cumsum(1)
        torch.use_deterministic_algorithms(True)
        with pytest.raises(RuntimeError, match=words):
            x.cumsum(1)
    finally:
        torch.use_deterministic_algorithms(False)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 1))


def test_networks_and_optimizers_give_the_bits_of_the_cpu(gpu):
    def trained(device):
        net = network().to(device, memory_format=torch.channels_last)
        average = copy.deepcopy(net)
        adam = torch.optim.Adam(net.parameters(), 1e-2, fused=True)
        images = torch.arange(4 * 64.0).view(2, 2, 8, 8).to(device)
        for _ in range(3):
            adam.zero_grad()
            with torch.autocast(torch.device(device).type, dtype=torch.bfloat16):
                loss = net(images).square().mean()
            loss.backward()
            adam.step()
            with torch.no_grad():
                torch._foreach_lerp_([*average.parameters()], [*net.parameters()], 0.5)
        assert net[0].weight.device.type == device
        assert net[0].weight.is_contiguous(memory_format=torch.channels_last)
        return [t.cpu() for net in (net, average) for t in net.state_dict().values()]

    assert all(map(torch.equal, trained("cpu"), trained("cuda")))


def test_tensors_can_be_pickled_and_printed(gpu):
    x = torch.arange(3.0, device="cuda")
    again = pickle.loads(pickle.dumps({"x": x}))["x"]
    assert again.is_cuda
    assert torch.equal(again, x)
    assert "0., 1., 2." in str(x)
    with pytest.raises(TypeError, match="can't convert cuda:0"):
        x.numpy()


def test_data_of_a_tensor_can_be_exchanged(gpu):
    weight = nn.Parameter(torch.ones(3, device="cuda"))
    weight.data = torch.full((3,), 2.0, device="cuda")
    weight.data.mul_(2)
    assert weight.detach().cpu().tolist() == [4.0] * 3
    with pytest.raises(RuntimeError, match="same form"):
        weight.data = torch.zeros(2, device="cuda")


def test_other_threads_may_work_on_its_tensors(gpu):
    x, seen = torch.ones(3, device="cuda"), []
    thread = threading.Thread(target=lambda: seen.append((x + 1).sum().item()))
    thread.start()
    thread.join()
    assert seen == [6.0]


def test_a_data_loader_gives_pinned_batches(gpu):
    loader = DataLoader(TensorDataset(torch.arange(4.0)), batch_size=2, pin_memory=True)
    assert all(batch.is_pinned() for (batch,) in loader)


# Graphs


def captured(gpu, work, generators=()):
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    with torch.cuda.graph(graph):
        made = work()
    return graph, made


def test_a_capture_computes_nothing_and_a_replay_does(gpu):
    x, total = torch.ones(3, device="cuda"), torch.zeros(3, device="cuda")

    def work():
        y = (2 * x).view(3, 1)
        total.add_(y[:, 0])
        return y

    graph, y = captured(gpu, work)
    assert y.isnan().all()
    assert total.tolist() == [0.0] * 3
    graph.replay()
    x.copy_(torch.full((3,), 5.0))
    graph.replay()
    assert y.tolist() == [[10.0]] * 3
    assert total.tolist() == [12.0] * 3


def test_registered_generators_go_on_with_every_replay(gpu):
    def draws(generator):
        return torch.rand(2, generator=generator, device="cuda"), torch.rand(2, device="cuda")

    torch.cuda.manual_seed(1)
    eager = [draws(source) for source in [torch.Generator("cuda").manual_seed(0)] for _ in range(2)]
    torch.cuda.manual_seed(1)
    source = torch.Generator("cuda").manual_seed(0)
    graph, made = captured(gpu, lambda: draws(source), [source])
    for wanted in eager:
        graph.replay()
        assert all(map(torch.equal, made, wanted))


FORBIDDEN = {
    "an unregistered generator": lambda x: torch.rand(
        2, generator=torch.Generator("cuda"), device="cuda"
    ),
    "a wait": lambda x: x.sum().item(),
    "a copy from pageable memory": lambda x: x.copy_(torch.zeros(3)),
    "a copy to the host": lambda x: x.cpu(),
    "a pinned allocation": lambda x: torch.zeros(3).pin_memory(),
    "a synchronization": lambda x: torch.cuda.synchronize(),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_capture_refuses(what, gpu):
    x = torch.ones(3, device="cuda")
    with pytest.raises(RuntimeError, match="CUDA error"):
        captured(gpu, lambda: FORBIDDEN[what](x.add_(1)))
    assert x.tolist() == [1.0] * 3
    assert not torch.cuda.is_current_stream_capturing()
    graph = torch.cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="without a preceding successful capture"):
        graph.replay()


def test_a_whole_step_can_be_captured(gpu):
    """With two derivatives, batch statistics and an optimizer, as in training."""

    def training():
        net = network().to("cuda")
        adam = torch.optim.Adam(net.parameters(), 1e-2, capturable=True)
        images = torch.zeros(2, 2, 8, 8, device="cuda")

        def step():
            adam.zero_grad(set_to_none=True)
            leaf = images.detach().requires_grad_()
            logits = net(leaf)
            (slope,) = torch.autograd.grad(logits.sum(), leaf, create_graph=True)
            (logits.square().mean() + slope.square().mean()).backward()
            adam.step()

        return net, images, step

    batches = [torch.full((2, 2, 8, 8), float(n)) + torch.arange(8) for n in range(4)]
    eager, images, step = training()
    for batch in batches:
        images.copy_(batch)
        step()
    graphed, images, step = training()
    images.copy_(batches[0])
    step()  # warms up: an optimizer makes its state in its first step
    graph, _ = captured(gpu, step)
    for batch in batches[1:]:
        images.copy_(batch)
        graph.replay()
    for one, other in zip(eager.state_dict().values(), graphed.state_dict().values(), strict=True):
        assert torch.equal(one, other)
