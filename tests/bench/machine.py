"""A running QEMU: started, its output watched, killed by its process id whatever happens."""
import os
import select
import subprocess
import sys
import time


class BenchError(Exception):
    """Something that the benchmark needs does not work; the text is for the user."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run(*words, **options):
    """Runs a tool to its end and returns its output; a failure is a BenchError with the tool's own words."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode:
        raise BenchError(f"{' '.join(words)}: status {done.returncode}\n{done.stderr.strip()}")
    return done.stdout


class Machine:
    """with Machine(command) as m: m.wait_for("Hello", 30). Nothing of it is left after the block."""

    def __init__(self, command):
        self.command = command
        self.output = b""

    def __enter__(self):
        self.started = time.monotonic()
        # The kernel kills it should this program die without a chance to. Its input stays open: QEMU drops what a guest
        # writes to a port whose other side is closed.
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def age(self):
        return time.monotonic() - self.started

    def cpu_seconds(self):
        """What QEMU has used so far: other load on the host changes it less than the time on the wall."""
        total_ns = 0
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{thread}/schedstat", encoding="utf-8") as file:
                total_ns += int(file.read().split()[0])
        return total_ns / 1e9

    def read(self, limit):
        """More output, waiting until the machine is `limit` seconds old. False: it ended or the time is up."""
        stdout = self.process.stdout
        ready, _, _ = select.select([stdout], [], [], max(0, limit - self.age()))
        chunk = os.read(stdout.fileno(), 65536) if ready else b""
        self.output += chunk
        return bool(chunk)

    def wait_for(self, text, limit):
        """Seconds from QEMU's start to `text` in the output; None when it did not come."""
        while text.encode() not in self.output:
            if not self.read(limit):
                return None
        return self.age()

    def wait_end(self, limit):
        """Seconds from QEMU's start to its end; None when it did not end."""
        while self.read(limit):
            pass
        try:
            self.process.wait(max(0.01, limit - self.age()))
        except subprocess.TimeoutExpired:
            return None
        return self.age()

    def tail(self):
        return self.output.decode(errors="replace")[-1500:]
