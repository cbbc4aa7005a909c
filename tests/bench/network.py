"""Asking a guest: wrk and its report, ports, and a network namespace with a TAP device that goes as it came."""
import contextlib
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

from machine import BenchError, run

TAP = "tap0"
HOST_ADDRESS, GUEST_ADDRESS = "10.99.0.1", "10.99.0.2"
SECONDS = int(os.environ.get("SKIFF_BENCH_SECONDS", "3"))
UNITS_MS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}


def why_no_tap():
    """None where a TAP device can be made, else the reason."""
    if os.geteuid() != 0:
        return "a TAP device needs root"
    return None if os.path.exists("/dev/net/tun") else "this host has no /dev/net/tun"


@contextlib.contextmanager
def tap_namespace():
    """The name of a network namespace with TAP in it."""
    name = f"skiff-bench-{os.getpid()}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "tuntap", "add", TAP, "mode", "tap")
        run("ip", "-n", name, "addr", "add", f"{HOST_ADDRESS}/24", "dev", TAP)
        run("ip", "-n", name, "link", "set", TAP, "up")
        yield name
    finally:
        run("ip", "netns", "del", name)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def first_answer(machine, url, limit):
    """Seconds from the machine's start to the first 200; refusals are asked again."""
    while machine.age() < limit:
        with contextlib.suppress(urllib.error.URLError, OSError):
            with urllib.request.urlopen(url, timeout=max(1, limit - machine.age())) as response:
                if response.status == 200:
                    return machine.age()
        time.sleep(0.02)
    return None


def wrk(url, connections, namespace=None):
    """Requests per second, 50th and 99th percentile of the latency in ms, and errors."""
    inside = ["ip", "netns", "exec", namespace] if namespace else []
    command = [*inside, "wrk", "-t", "1", "-c", str(connections), "-d", f"{SECONDS}s", "--latency", url]
    try:
        text = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=SECONDS + 30, check=True).stdout
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise BenchError(f"wrk: {error}") from error
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    percentiles = [re.search(rf"\s{p}%\s+([\d.]+)(us|ms|s|m)\b", text) for p in (50, 99)]
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if not rate or not all(percentiles):
        raise BenchError(f"wrk said:\n{text}")
    half, most = (float(m[1]) * UNITS_MS[m[2]] for m in percentiles)
    failed = sum(map(int, errors.groups())) if errors else 0
    return float(rate[1]), half, most, failed + (int(bad[1]) if bad else 0)
