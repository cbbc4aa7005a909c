"""The figures, by group: what is started, what is waited for, what is kept."""
import os

import linux_guest
import network
import systems
from machine import BenchError, Machine, run, say

FOLDER = "build/bench"
RUNS = int(os.environ.get("SKIFF_BENCH_RUNS", "5"))
SLOW_RUNS, SLOW_S = 3, 60 # a figure whose single run takes longer is taken less often


class Skip(Exception):
    """The text says why a group cannot be measured here."""


class Program:
    """A program as Skiff's image and as the Linux guest's root, both with the same files; made when first asked for."""

    def __init__(self, name, source):
        self.image, self.root = f"{FOLDER}/{name}.img", f"{FOLDER}/{name}.ext4"
        run(systems.SKIFF, "build", source, "-o", self.image)
        linux_guest.build_root(self.image, self.root)


class Bench:
    """What the groups share: the results, and programs built once."""

    def __init__(self, results):
        self.results, self.programs = results, {}
        os.makedirs(FOLDER, exist_ok=True)
        linux_guest.build()
        run("gcc", "-m32", "-nostdlib", "-static", "-Wl,-Ttext=0x100000,--build-id=none", "-o", systems.FLOOR,
            "tests/bench/floor/floor.S")

    def program(self, name):
        if name not in self.programs:
            self.programs[name] = Program(name, SOURCES[name]())
        return self.programs[name]

    def first_line(self, figure, system, command, text, limit=60):
        """Milliseconds to the text. A machine that does not get there is counted, not averaged."""
        with Machine(command) as machine:
            seconds = machine.wait_for(text, limit)
            if seconds is None:
                self.results.note(f"{figure}: {system} did not get there in {limit} s once or more")
                say(f"{system} did not get there:\n{machine.tail()}")
                return
            cpu_seconds = machine.cpu_seconds()
        self.results.add(figure, "ms", system, seconds * 1000)
        self.results.add(f"{figure}, CPU time", "ms", system, cpu_seconds * 1000)


def compile_counts():
    path = f"{FOLDER}/counts"
    run("gcc", "-O2", "-Wall", "-static", "-o", path, "tests/bench/programs/counts.c", "-pthread")
    return path


def compile_java_hello():
    stage = f"{FOLDER}/java"
    run("javac", "-d", stage, "tests/bench/programs/Hello.java")
    run("jar", "cfe", f"{FOLDER}/hello.jar", "Hello", "-C", stage, "Hello.class")
    return f"{FOLDER}/hello.jar"


SOURCES = {
    "hello": lambda: "build/examples/hello-static",
    "hello-dynamic": lambda: "build/examples/hello",
    "server": lambda: "build/examples/server-static",
    "spring": lambda: "build/examples/app.jar",
    "java": compile_java_hello,
    "counts": compile_counts,
}


def hello(bench):
    """QEMU's start to the first line of a C program, microvm and q35"""
    static, dynamic = bench.program("hello"), bench.program("hello-dynamic")
    for _ in range(RUNS):
        for machine in ("microvm", "q35"):
            figure = f"C hello, {machine}"
            bench.first_line(figure, "floor", systems.floor(static, machine=machine, memory=128), "F")
            for name in ("skiff", "linux"):
                bench.first_line(figure, name, systems.COMMANDS[name](static, machine=machine, memory=128), "Hello from Skiff")
        figure = "C hello, dynamic, microvm"
        for name in ("skiff", "linux"):
            bench.first_line(figure, name, systems.COMMANDS[name](dynamic, memory=128), "Hello from Skiff")
        bench.first_line("no devices, microvm", "floor", systems.bare_floor(static, memory=128), "F")


def user(bench):
    """skiff run itself: from its start to the first line and to its end"""
    command = [systems.SKIFF, "run", "--accel", systems.ACCEL, "-m", "128M", bench.program("hello").image]
    for _ in range(RUNS):
        with Machine(command) as machine:
            line, end = machine.wait_for("Hello from Skiff", 60), machine.wait_end(60)
            if line is None or end is None or machine.process.returncode:
                raise BenchError(f"{' '.join(command)}:\n{machine.tail()}")
        bench.results.add("skiff run, C hello, first line", "ms", "skiff", line * 1000)
        bench.results.add("skiff run, C hello, end", "ms", "skiff", end * 1000)


def java(bench):
    """QEMU's start to the first line of a Java program in 512 MiB, 1 and 2 vCPUs"""
    program = bench.program("java")
    for _ in range(RUNS):
        for cpus, figure in ((1, "java hello, 1 vCPU"), (2, "java hello, 2 vCPUs")):
            for name in ("skiff", "linux"):
                command = systems.COMMANDS[name](program, cpus=cpus)
                bench.first_line(figure, name, command, "Hello from Java", 120)


def spring(bench):
    """QEMU's start to Spring Boot's first 200, 2 vCPUs, 768 MiB"""
    program, limit, slowest = bench.program("spring"), 600, 0
    for i in range(RUNS):
        if i >= SLOW_RUNS and slowest > SLOW_S:
            bench.results.note(f"Spring Boot: {i} runs, as one takes up to {slowest:.0f} s")
            break
        for name in ("skiff", "linux"):
            port = network.free_port()
            with Machine(systems.COMMANDS[name](program, cpus=2, memory=768, port=port)) as machine:
                # The port answers before the guest listens, so asking starts when the application says that it runs.
                seconds = machine.wait_for("Started ", limit) and network.first_answer(machine, f"http://127.0.0.1:{port}/", limit)
                if not seconds:
                    raise BenchError(f"Spring Boot on {name} did not answer in {limit} s:\n{machine.tail()}")
                cpu_seconds = machine.cpu_seconds()
            slowest = max(slowest, seconds)
            say(f"{name}: {seconds:.1f} s")
            bench.results.add("Spring Boot, first 200, CPU time", "s", name, cpu_seconds)
            bench.results.add("Spring Boot, first 200", "s", name, seconds)


def ask_server(bench, figure, name, command, url, namespace):
    with Machine(command) as machine:
        if machine.wait_for("listening", 60) is None or network_ready(machine, url, namespace) is None:
            raise BenchError(f"{figure}: the server on {name} did not come up:\n{machine.tail()}")
        before = machine.cpu_seconds()
        rate, half, most, errors = network.wrk(url, 64, namespace)
        cpu_us = (machine.cpu_seconds() - before) * 1e6
    bench.results.add(figure, "requests/s", name, rate)
    bench.results.add(f"{figure}, latency 50%", "ms", name, half)
    bench.results.add(f"{figure}, latency 99%", "ms", name, most)
    bench.results.add(f"{figure}, CPU time", "us/request", name, cpu_us / max(1, rate * network.SECONDS))
    bench.results.add(f"{figure}, errors", "in all", name, errors)


def network_ready(machine, url, namespace):
    if not namespace:
        return network.first_answer(machine, url, 60)
    inside = ["ip", "netns", "exec", namespace]
    run(*inside, "curl", "-s", "-o", "/dev/null", "--retry", "50", "--retry-delay", "1", "--retry-connrefused", "--max-time", "20", url)
    return machine.age()


def http_tap(bench):
    """requests/s and latency of the C server over a TAP device, wrk -c 64, 1 and 2 vCPUs"""
    why = network.why_no_tap()
    if why:
        raise Skip(why)
    program = bench.program("server")
    with network.tap_namespace() as namespace:
        for _ in range(RUNS):
            for cpus, figure in ((1, "HTTP over TAP, 1 vCPU"), (2, "HTTP over TAP, 2 vCPUs")):
                for name in ("skiff", "linux"):
                    command = systems.COMMANDS[name](program, cpus=cpus, network=f"tap:{network.TAP}", ip=f"{network.GUEST_ADDRESS}/24")
                    command = ["ip", "netns", "exec", namespace, *command]
                    ask_server(bench, figure, name, command, f"http://{network.GUEST_ADDRESS}:8080/", namespace)


def http_user(bench):
    """the same over user networking"""
    program = bench.program("server")
    for _ in range(RUNS):
        for cpus, figure in ((1, "HTTP over user net, 1 vCPU"), (2, "HTTP over user net, 2 vCPUs")):
            for name in ("skiff", "linux"):
                port = network.free_port()
                ask_server(bench, figure, name, systems.COMMANDS[name](program, cpus=cpus, port=port), f"http://127.0.0.1:{port}/", None)


COUNTS = {"null-call": "null system call", "pipe-switch": "context switch, pipe", "futex-switch": "context switch, futex",
          "page-fault": "page fault", "fork-exit": "fork, exit, wait"}


def counts(bench):
    """guest instructions of a null system call, a context switch, a page fault, a fork, and of the boot"""
    program = bench.program("counts")
    for name in ("skiff", "linux"):
        with Machine(systems.counting(systems.COMMANDS[name](program))) as machine:
            if machine.wait_for("counted", 300) is None:
                raise BenchError(f"counting on {name} did not end:\n{machine.tail()}")
            lines = [line.split() for line in machine.output.decode(errors="replace").splitlines()]
        for words in lines:
            if len(words) == 2 and words[0] in COUNTS:
                bench.results.add(COUNTS[words[0]], "instructions", name, float(words[1]))
            elif len(words) == 2 and words[0] == "boot":
                bench.results.add("reset to main", "million instr.", name, int(words[1]) / 1e6)
    bench.results.note("reset to main: while the guest waits for its disk, the count goes on to the next timer")


def smallest(command, text, most, limit):
    """The least memory in MiB, up to `most`, with which the program says its text; None when `most` is too little."""

    def is_enough(mib):
        with Machine(systems.replace(command, "-m", f"{mib}M")) as machine:
            is_there = machine.wait_for(text, limit) is not None
        say(f"{mib} MiB: {'enough' if is_there else 'too little'}")
        return is_there

    if not is_enough(most):
        return None
    low = 2
    while most - low > 1:
        middle = (low + most) // 2
        low, most = (low, middle) if is_enough(middle) else (middle, most)
    return most


def memory(bench):
    """the smallest -m with which C hello and java hello run, by bisection"""
    for name, text, limits in (("hello", "Hello from Skiff", {"skiff": (64, 30), "linux": (512, 60)}),
                               ("java", "Hello from Java", {"skiff": (256, 60), "linux": (512, 120)})):
        for system, (most, limit) in limits.items():
            least = smallest(systems.COMMANDS[system](bench.program(name)), text, most, limit)
            figure = f"smallest memory, {'C' if name == 'hello' else 'java'} hello"
            if least is None:
                bench.results.note(f"{figure}: {system} does not run in {most} MiB")
            else:
                bench.results.add(figure, "MiB", system, least)
    bench.results.note("smallest memory: one bisection each, one run a step")


def sizes(bench):
    """kernel and image files"""
    kib = lambda *paths: sum(map(os.path.getsize, paths)) / 1024
    bench.results.add("kernel file", "KiB", "skiff", kib("build/skiff-kernel.elf"))
    bench.results.add("kernel file", "KiB", "linux", kib(linux_guest.KERNEL, linux_guest.INITRAMFS))
    bench.results.add("kernel file", "KiB", "floor", kib(systems.FLOOR))
    for name, figure in (("hello", "image, C hello"), ("java", "image, java hello"), ("spring", "image, Spring Boot")):
        bench.results.add(figure, "KiB", "skiff", kib(bench.program(name).image))
        bench.results.add(figure, "KiB", "linux", kib(bench.program(name).root))
    bench.results.note("kernel file, Linux: vmlinuz (compressed) and the initramfs")


GROUPS = {"hello": hello, "user": user, "java": java, "spring": spring, "http-tap": http_tap, "http-user": http_user,
          "counts": counts, "memory": memory, "sizes": sizes}
