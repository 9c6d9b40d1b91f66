"""Trials on one device know of each other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from ganbench.execution.share.device_sharing import DeviceSharing

HOLD = """
import sys, time
from pathlib import Path
from ganbench.execution.share.device_sharing import DeviceSharing
with DeviceSharing("cpu", Path(sys.argv[1])):
    print("here", flush=True)
    time.sleep(60)
"""


def test_a_trial_is_alone_until_another_comes(tmp_path):
    with DeviceSharing("cpu", tmp_path) as one:
        assert one.alone()
        with DeviceSharing("cuda-1", tmp_path):
            assert one.alone()
        other = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert other.stdout.readline() == "here\n"
            assert not one.alone()
        finally:
            other.send_signal(signal.SIGKILL)
            other.communicate()
        assert not one.alone()  # it was not, and what was measured is
        with DeviceSharing("cpu", tmp_path) as third:
            assert not third.alone()
    with DeviceSharing("cpu", tmp_path) as later:
        assert later.alone()  # the dead one left a file, and no lock
    assert os.listdir(tmp_path / "cpu") == []


def test_who_shares_devices_but_no_temporary_folder_may_share_another(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_DEVICE_LOCKS", str(tmp_path))
    with DeviceSharing("cpu") as one, DeviceSharing("cpu"):
        assert len(os.listdir(tmp_path / "cpu")) == 2
        assert not one.alone()
