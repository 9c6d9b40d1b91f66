"""Stands for the process that carries out checks: their names say what happens."""

import json
import os
import sys
import time

pipe, _, _, _, *names = sys.argv[1:]


def send(**event):
    os.write(int(pipe), json.dumps(event).encode() + b"\n")


send(event="machine", machine={"device": "cpu"})
for name in names:
    send(event="began", name=name)
    if name == "dies":
        print("these are the last words", flush=True)
        os._exit(3)
    if name == "killed":
        os.kill(os.getpid(), 9)
    if name == "hangs":
        time.sleep(600)
    send(event="say", text="half of it")
    outcome = {"result": "held", "details": [], "speeds": [], "cells": None}
    send(event="ended", name=name, seconds=0.5, outcome=outcome)
