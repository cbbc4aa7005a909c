"""The Linux guest: Debian's cloud kernel, unpacked and never installed, an initramfs of busybox and the virtio modules,
and for each program an ext4 root with the same files as Skiff's image."""
import os
import re
import shutil

from machine import BenchError, run, say

PACKAGE = "linux-image-cloud-amd64"
FOLDER = "build/bench/linux"
KERNEL = f"{FOLDER}/vmlinuz"
INITRAMFS = f"{FOLDER}/initramfs.gz"
# In the order of their dependencies; only what a machine has is loaded.
MODULES = {
    "disk on mmio": ["virtio_ring", "virtio", "virtio_mmio", "virtio_blk"],
    "disk on pci": ["virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"],
    "network": ["failover", "net_failover", "virtio_net"],
}
TOOLS = ["sh", "mount", "insmod", "ip", "switch_root", "env"]
INIT = """#!/bin/sh
load() {{ for module; do insmod /modules/$module.ko; done; }}
mount -t proc proc /proc
mount -t devtmpfs dev /dev
mount -t sysfs sys /sys
read -r words </proc/cmdline
case $words in
*bench.bus=pci*) load {pci} ;;
*) load {mmio} ;;
esac
ip link set lo up
for word in $words; do
    case $word in
    bench.ip=?*) load {network}; ip addr add "${{word#*=}}" dev eth0; ip link set eth0 up ;;
    esac
done
mount -t ext4 -o ro,noatime /dev/vda /root
mount --move /proc /root/proc
mount --move /dev /root/dev
mount --move /sys /root/sys
mount -t tmpfs tmp /root/tmp
. /root/.bench/start
"""


def fetch_kernel():
    """Unpacks the package that Debian's metapackage names; its name is kept beside it."""
    depends = re.search(rf"Depends: (linux-image-\S+)", run("apt-cache", "depends", PACKAGE))
    if not depends:
        raise BenchError(f"apt knows no {PACKAGE}; apt-get update")
    name, unpacked = depends[1], f"{FOLDER}/{depends[1]}"
    if not os.path.exists(f"{unpacked}/lib/modules"):
        say(f"downloading {name}")
        shutil.rmtree(FOLDER, ignore_errors=True)
        os.makedirs(f"{FOLDER}/package")
        run("apt-get", "download", "-q", name, cwd=f"{FOLDER}/package")
        package = os.listdir(f"{FOLDER}/package")[0]
        run("dpkg-deb", "-x", f"{FOLDER}/package/{package}", unpacked)
    release = name.removeprefix("linux-image-")
    shutil.copy(f"{unpacked}/boot/vmlinuz-{release}", KERNEL)
    return f"{unpacked}/lib/modules/{release}"


def find_modules(folder):
    """The files of all MODULES."""
    found = {}
    for directory, _, files in os.walk(folder):
        found.update({name.removesuffix(".ko"): f"{directory}/{name}" for name in files})
    names = set(sum(MODULES.values(), []))
    missing = names - set(found)
    if missing:
        raise BenchError(f"{PACKAGE} has no {', '.join(missing)}")
    return [found[name] for name in names]


def build():
    """Makes KERNEL and INITRAMFS."""
    modules = find_modules(fetch_kernel())
    stage = f"{FOLDER}/initramfs"
    shutil.rmtree(stage, ignore_errors=True)
    for name in ["bin", "modules", "proc", "dev", "sys", "root"]:
        os.makedirs(f"{stage}/{name}")
    shutil.copy(shutil.which("busybox"), f"{stage}/bin/busybox")
    for tool in TOOLS:
        os.symlink("busybox", f"{stage}/bin/{tool}")
    for path in modules:
        shutil.copy(path, f"{stage}/modules/")
    with open(f"{stage}/init", "w", encoding="utf-8") as file:
        file.write(INIT.format(**{key.split()[-1]: " ".join(names) for key, names in MODULES.items()}))
    os.chmod(f"{stage}/init", 0o755)
    run("sh", "-c", f"cd {stage} && find . | cpio --quiet -o -H newc | gzip -9 > ../{os.path.basename(INITRAMFS)}")


def quote(word):
    return "'" + word.replace("'", "'\\''") + "'"


def start_script(config):
    """What the initramfs runs at its end: the program of a Skiff image, by the records of its configuration."""
    records = [record.partition("=")[::2] for record in config.split("\0") if record]
    values = dict(records)
    variables = [value for key, value in records if key == "env"]
    arguments = [value for key, value in records if key == "arg"]
    words = ["PATH=/usr/bin:/bin", *variables, "switch_root", "/root", values["program"], *arguments]
    return "PATH=/bin exec env -i " + " ".join(map(quote, words)) + "\n"


def build_root(image, root):
    """An ext4 image, as small as it gets, with the files of a Skiff image."""
    stage = root + ".files"
    shutil.rmtree(stage, ignore_errors=True)
    run("fsck.erofs", f"--extract={stage}", image)
    with open(f"{stage}/.skiff/config", encoding="utf-8") as file:
        script = start_script(file.read())
    os.makedirs(f"{stage}/.bench")
    with open(f"{stage}/.bench/start", "w", encoding="utf-8") as file:
        file.write(script)
    if os.path.exists(root):
        os.unlink(root)
    size_mib = os.path.getsize(image) * 5 // 4 // 2**20 + 16
    run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", stage, root, f"{size_mib}M")
    run("resize2fs", "-M", root)
    shutil.rmtree(stage)
