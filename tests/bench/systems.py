"""The three systems, each as the QEMU command that runs a program. Skiff's own (`skiff run --dry-run`) is the pattern:
the others get the same machine, devices, memory and CPUs, and differ only where a function below says so."""
import functools
import os
import re
import shlex

import linux_guest
from machine import run

SKIFF = "build/skiff"
FLOOR = "build/bench/floor.elf"
ACCEL = os.environ.get("SKIFF_BENCH_ACCEL", "auto")


def replace(command, option, value):
    """The command with another value of an option."""
    at = command.index(option) + 1
    return command[:at] + [value] + command[at + 1:]


def edit(command, old, new):
    """The command with one of its words changed in part."""
    return [word.replace(old, new) for word in command]


@functools.cache
def host_tsc_khz():
    """TCG's guests see the host's TSC."""
    run("gcc", "-O2", "-o", "build/bench/tsc_khz", "tests/bench/programs/tsc_khz.c")
    return int(run("build/bench/tsc_khz"))


def skiff(program, machine="microvm", cpus=1, memory=512, network="user", ip=None, port=None):
    """network: user, none or tap:NAME; ip: the guest's ADDRESS/PREFIX, without one DHCP; port: forwarded to its 8080."""
    options = ["--accel", ACCEL, "--machine", machine, "-c", str(cpus), "-m", f"{memory}M", "--network", network]
    options += ["-p", f"127.0.0.1:{port}:8080"] if port else []
    command = shlex.split(run(SKIFF, "run", "--dry-run", *options, program.image))
    return replace(command, "-append", f"console=hvc0 ip={ip}") if ip else command


def linux(program, ip=None, network="user", **options):
    """Its console is the 16550, which needs no module. On microvm with ACPI it finds no timer to measure its TSC with, and
    hangs; so it is told the TSC's frequency."""
    command = skiff(program, network=network, **options)
    address = ip or ("10.0.2.15/24" if options.get("port") else "")
    bus = "pci" if options.get("machine") == "q35" else "mmio"
    append = f"console=ttyS0 quiet mitigations=off panic=-1 tsc_early_khz={host_tsc_khz()} bench.bus={bus} bench.ip={address}"
    command = replace(replace(command, "-kernel", linux_guest.KERNEL), "-append", append)
    command = edit(command, program.image, program.root)
    return serial_on_stdio(command) + ["-initrd", linux_guest.INITRAMFS]


def floor(program, **options):
    """The tiny PVH kernel, with Skiff's devices beside it."""
    return serial_on_stdio(replace(skiff(program, **options), "-kernel", FLOOR))


def bare_floor(program, **options):
    """The tiny PVH kernel on a machine with a serial line and nothing else."""
    command = skiff(program, **options)
    words = command[:command.index("-append")]
    return replace(words, "-kernel", FLOOR) + ["-serial", "stdio"]


def serial_on_stdio(command):
    return edit(edit(command, "stdio,signal=off,id=console", "null,id=console"), "null,id=log", "stdio,signal=off,id=log")


def counting(command):
    """The same machine where a nanosecond of the guest's clock is one instruction, so that the TSC counts instructions."""
    command = replace(replace(command, "-accel", "tcg,thread=single"), "-cpu", "max")
    command = [re.sub(r"tsc_early_khz=\d+", "tsc_early_khz=1000000", word) for word in command]
    return command + ["-icount", "shift=0,sleep=off"]


COMMANDS = {"skiff": skiff, "linux": linux, "floor": floor}
