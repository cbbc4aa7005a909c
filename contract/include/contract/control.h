/*
 * The control channel: text lines (at most SKIFF_CONTROL_LINE_MAX bytes, '\n' at the end) over the machine's second
 * 16550 (ISA COM2: port 0x2f8, IRQ 3), which `skiff run` gives to a socket. Absent on machines started by hand.
 *
 * Guest to host:
 *   "hello VERSION"              the kernel was entered; it hears what is sent from here on
 *   "time EVENT NS"              milestones, ns since kernel entry: "kernel", "root", "exec"
 *   "exit STATUS"                the program ended; the machine powers off next
 *   "panic TEXT"                 a kernel bug
 *   "memory TEXT"                the machine ran out of memory: process, sizes, what to raise
 *   "error STATUS TEXT"          the program could not be started (125, 126, 127) and why
 *   "address IFACE ADDR"         an address was configured
 * Host to guest:
 *   "signal N"                   deliver signal N to the program, or as soon as it has started
 *   "stdin-end BYTES"            with stdin=pipe: the input ends after that many bytes in all
 *   "poweroff"                   stop at once
 *   "dump"                       print the programs' threads and the backtraces of those asleep on the log
 * A line that the other side does not know is ignored.
 */
#pragma once
#define SKIFF_CONTROL_LINE_MAX 256
#define SKIFF_CONTROL_PORT     0x2f8
#define SKIFF_CONTROL_IRQ      3
/* QEMU's isa-debug-exit: writing v ends QEMU with status (v << 1) | 1. The status itself goes over the channel. */
#define SKIFF_DEBUG_EXIT_PORT 0x501
