#!/usr/bin/env bash
# Makes the images of the unit tests again (needs root for the device node and for trusted. attributes):
#     bash kernel/fs/erofs/test/make-images.sh
# What they hold stands in erofs_test.c. The results are committed, so `make test` needs neither this nor mkfs.erofs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

mkdir -m 755 "$tree/dir" "$tree/dir/deeper" "$tree/many" "$tree/empty"
printf 'hello from the tail\n' > "$tree/small"
chmod 640 "$tree/small"
chown 1000:100000 "$tree/small"
ln "$tree/small" "$tree/dir/link"
# Each 4-byte word is its own number: block edges show.
python3 - "$tree" <<'PYTHON'
import sys, struct
tree = sys.argv[1]
for name, size in ("exact", 8192), ("long", 9000), ("sparse", 20480):
    data = b"".join(struct.pack("<I", i) for i in range(size // 4))
    if name == "sparse":
        data = data[:4096] + bytes(12288) + data[16384:]
    open(f"{tree}/{name}", "wb").write(data)
for i in range(40): # names of 200 bytes: several directory blocks
    open(f"{tree}/many/" + f"{i:02d}" + "n" * 198, "wb").close()
PYTHON
: > "$tree/dir/deeper/nothing"
ln -s small "$tree/soft"
ln -s "$(printf 'x%.0s' {1..3000})" "$tree/softlong"
mknod "$tree/null" c 1 3
mknod "$tree/bignode" b 259 300
mkfifo "$tree/fifo"
python3 - "$tree" <<'PYTHON'
import os, sys
tree = sys.argv[1]
os.setxattr(f"{tree}/small", "user.colour", b"blue")
os.setxattr(f"{tree}/small", "trusted.secret", b"1234")
for name in "exact", "long", "sparse":
    os.setxattr(f"{tree}/{name}", "user.shared", b"everybody")
PYTHON
find "$tree" -exec touch -h -d @1000000000.5 {} +
options=(--quiet -x2 -T1000000000 -U11111111-2222-3333-4444-555555555555)
mkfs.erofs "${options[@]}" "$here/flat.img" "$tree"
mkfs.erofs "${options[@]}" --chunksize=4096 "$here/chunked.img" "$tree"
gzip -9nf "$here/flat.img" "$here/chunked.img" --keep && ls -l "$here" && rm "$here"/*.gz
