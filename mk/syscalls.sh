#!/usr/bin/env bash
# Prints docs/syscalls.md from the table of system calls.
set -eu
table=kernel/linux/include/linux/syscalls.def
count() { grep -cE "^SYSCALL[0-6]\([0-9]+, [a-z0-9_]+, $1" "$table" || true; }
cat <<EOF
# System calls

Made from \`$table\` by \`make docs/syscalls.md\`. FULL: as Linux, with a test in tests/abi or the applications that need
it; PARTIAL: what is missing stands beside it; ABSENT: returns ENOSYS and is named once on the log, as is every call that is
not in the table. FULL $(count FULL), PARTIAL $(count PARTIAL), ABSENT $(count ABSENT).

| number | call | state | missing |
| --- | --- | --- | --- |
EOF
sed -nE 's#^SYSCALL[0-6]\(([0-9]+), ([a-z0-9_]+), (FULL|PARTIAL|ABSENT)[^/]*(/\* *(.*[^ ]) *\*/)?.*$#| \1 | \2 | \3 | \5 |#p' "$table"
