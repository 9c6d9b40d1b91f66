"""A distribution, as if it were installed, of components that do what components must not do."""

from __future__ import annotations

from pathlib import Path

MODULE = "ganbench_hostile_for_tests"


def install(folder: Path) -> Path:
    """Write the distribution into a folder, which is to be on PYTHONPATH."""
    info = folder / "ganbench_hostile-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ganbench-hostile\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[ganbench]\nhostile = {MODULE}\n")
    (folder / f"{MODULE}.py").write_text(_SOURCE, encoding="utf-8")
    return folder


#: ``hostile[act=…]`` is the hinge loss that does something else as well, from the update ``after``
#: on; ``$GANBENCH_TEST_FLAGS`` is a folder where it leaves a file that says so, and the number of
#: its process in a line of the file ``processes``.
_SOURCE = r'''
import atexit, ctypes, gc, math, multiprocessing, os, random, re, signal, subprocess, sys
import threading, time, warnings
from pathlib import Path

import numpy as np
import torch

from ganbench import Architecture, Dataset, DataSpec, Loss, Networks, hookimpl, option

FLAGS = Path(os.environ.get("GANBENCH_TEST_FLAGS", "/nowhere"))
_updates = {}


def raise_forward():
    raise RuntimeError("this loss\nis broken")


class _BreaksBackwards(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise ValueError("broken backwards")


def raise_long():
    raise RuntimeError("x" * 10**7)


class _Base(BaseException):
    pass


def raise_base():
    raise _Base("neither an error nor an exit")


def segfault():
    ctypes.string_at(0)


def loop():
    while True:
        pass


def regex():
    re.match(r"(a+)+$", "a" * 200 + "b")


def _sleep_for_ever():
    while True:
        time.sleep(1000)


def children():
    """Children of every kind, and one that has left the family altogether."""
    multiprocessing.get_context("fork").Process(target=_sleep_for_ever).start()
    pids = [subprocess.Popen(["sleep", "1000"]).pid]
    pids.append(subprocess.Popen(["sleep", "1000"], start_new_session=True).pid)
    shell = "setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $!"
    pids.append(int(subprocess.run(["sh", "-c", shell], stdout=subprocess.PIPE, text=True).stdout))
    (FLAGS / "children.pids").write_text(" ".join(map(str, pids)))
    _sleep_for_ever()


def orphans():
    """Children that outlive the trial, which ends well."""
    if not (FLAGS / "orphans.pids").exists():
        pids = [subprocess.Popen(["sleep", "1000"], start_new_session=new).pid for new in (False, True)]
        (FLAGS / "orphans.pids").write_text(" ".join(map(str, pids)))


def stop_itself():
    os.kill(os.getpid(), signal.SIGSTOP)


def memory():
    kept = []
    while True:
        kept.append(torch.ones(2**24))


def memory_of_objects():
    kept = []
    while True:
        kept.append(bytearray(b"x" * 2**22))


def loud(megabytes):
    line = "y" * (2**20 - 1)
    for number in range(megabytes // 2):
        print(line)
        os.write(1, line.encode() + b"\n")


def fork():
    if not (FLAGS / "forked").exists():
        (FLAGS / "forked").touch()
        os.fork()


def close_files():
    os.closerange(0, 4096)


def close_output():
    sys.stdout.close()
    sys.stderr.close()


def change_directory():
    os.chdir("/")


def thread():
    threading.Thread(target=_sleep_for_ever).start()


def late_exit():
    """Ends the process when this trial is over and another is there."""
    threading.Timer(2.0, os._exit, [5]).start()


class _Stuck:
    def write(self, text):
        return len(text)

    def flush(self):
        _sleep_for_ever()


def stuck_output():
    sys.stdout = _Stuck()


def at_exit():
    atexit.register(_sleep_for_ever)


def spoil():
    """Everything that a process has one of."""
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(2)
    torch.set_grad_enabled(False)
    torch.set_flush_denormal(True)
    torch.use_deterministic_algorithms(True)
    torch.set_float32_matmul_precision("medium")
    torch.autograd.set_detect_anomaly(True)
    np.seterr(all="raise")
    warnings.simplefilter("error")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    signal.alarm(1)
    os.umask(0o777)
    os.environ["GANBENCH_CACHE"] = "/nowhere"
    sys.setrecursionlimit(150)
    gc.disable()
    sys.stdout = sys.stderr = None
    os.chdir("/")


def device_memory():
    """As PyTorch says it, by the error of an allocation that CUDA refused."""
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has …")


def device_error():
    """After this, CUDA would answer every call of the process with the same error."""
    raise RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors …")


def unordered():
    """What PyTorch cannot compute in a fixed order."""
    if FLAGS.is_dir():
        (FLAGS / "cublas").write_text(os.environ["CUBLAS_WORKSPACE_CONFIG"])
    torch.zeros(4).put_(torch.tensor([1, 2]), torch.ones(2))


def flaky():
    """Ends its process at first, raises next, then is good."""
    count = len(list(FLAGS.glob("failed-*")))
    if count < 2:
        (FLAGS / f"failed-{count}").touch()
        if count == 0:
            os._exit(3)
        raise RuntimeError("not yet")


def once():
    """Raises once and for all."""
    if not (FLAGS / "once").exists():
        (FLAGS / "once").touch()
        raise RuntimeError("just this once")


ACTS = {
    "none": lambda: None,
    "raise-forward": raise_forward,
    "raise-long": raise_long,
    "raise-base": raise_base,
    "raise-backward": None,
    "nan": None,
    "exit": lambda: os._exit(3),
    "exit-zero": lambda: os._exit(0),
    "segfault": segfault,
    "abort": os.abort,
    "loop": loop,
    "regex": regex,
    "children": children,
    "orphans": orphans,
    "stop-itself": stop_itself,
    "memory": memory,
    "memory-of-objects": memory_of_objects,
    "print": lambda: loud(300),
    "print-gigabyte": lambda: loud(1024),
    "fork": fork,
    "kill-itself": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "close-files": close_files,
    "close-output": close_output,
    "chdir": change_directory,
    "sys-exit": lambda: sys.exit(4),
    "interrupt": lambda: exec("raise KeyboardInterrupt"),
    "thread": thread,
    "late-exit": late_exit,
    "stuck-output": stuck_output,
    "at-exit": at_exit,
    "spoil": spoil,
    "device-memory": device_memory,
    "device-error": device_error,
    "unordered": unordered,
    "flaky": flaky,
    "once": once,
}
#: What is done at one update only, in place of every one from then on.
ONCE = {"print", "print-gigabyte", "thread", "late-exit", "stuck-output", "at-exit", "spoil"}
ONCE |= {"close-output", "close-files"}


class Hostile(Loss):
    """The hinge loss, with an act."""

    act: str = option("none", "what it does besides")
    mark: int = option(0, "tells equal ones apart")
    after: int = option(5, "updates of the discriminator before the act")

    def discriminator(self, real, fake):
        count = _updates[self] = _updates.get(self, 0) + 1
        act = ACTS[self.act]
        if count == 1 and FLAGS.is_dir():
            with (FLAGS / "processes").open("a") as file:
                file.write(f"{os.getpid()}\n")
        loss = torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()
        if self.act == "nan" and count > 21:  # one update warms up
            return loss * math.nan
        if count == self.after + 1:
            FLAGS.is_dir() and (FLAGS / f"{self.act}-{self.mark}").touch()
        if count > self.after and self.act == "raise-backward":
            return _BreaksBackwards.apply(loss)
        due = count == self.after + 1 if self.act in ONCE else count > self.after
        if act is not None and due:
            act()
        return loss

    def generator(self, real, fake):
        return -fake.mean()


class BrokenBuild(Architecture):
    """Raises when it is built."""

    latent_dim = 4

    def build(self, data):
        raise RuntimeError("cannot be built")


class SlowDigits(Dataset):
    """The digits, after some time, or something else instead."""

    extractor = "pixels"
    act: str = option("sleep", "sleep, raise, exit, segfault")
    seconds: float = option(0.0, "how long a split takes to load")

    def spec(self, root):
        return DataSpec(1, 8, 8, classes=10)

    def load(self, split, root):
        import ganbench as gb

        FLAGS.is_dir() and (FLAGS / f"loading-{self.act}").touch()
        time.sleep(self.seconds)
        if self.act != "sleep":
            ACTS[self.act]()
        return gb.get("dataset", "digits").load(split, root)


@hookimpl
def ganbench_losses(register):
    register("hostile", Hostile)


@hookimpl
def ganbench_architectures(register):
    register("broken-build", BrokenBuild)


@hookimpl
def ganbench_datasets(register):
    register("slow-digits", SlowDigits)
'''
