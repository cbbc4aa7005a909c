/*
 * One virtual machine in the foreground: the QEMU command for it, and running it to its end. Values are checked by the
 * caller where they come from a user; what depends on the host (KVM, ports) is checked here.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <util/alloc.h>
#include <util/error.h>

enum vm_accel { VM_ACCEL_AUTO, VM_ACCEL_KVM, VM_ACCEL_TCG };
enum vm_machine { VM_MICROVM, VM_Q35 };

struct vm_forward {
    char *address; /* of the host; NULL: 127.0.0.1 */
    uint16_t host_port, guest_port;
    bool is_udp;
};
struct vm_options {
    const char *qemu, *kernel, *image;
    unsigned memory_mib, vcpus;
    enum vm_accel accel;
    enum vm_machine machine;
    struct vm_forward *forwards;
    size_t forward_count;
    const char *network;     /* NULL: user mode; "none"; "tap:NAME" */
    struct buffer config;    /* records of contract/config.h that go over the image's own; may be empty */
    const char *console_log; /* a copy of the program's output; NULL: none */
    const char *append;      /* more words for the kernel's command line; NULL */
    bool rewrites_code;      /* the program rewrites code that its other threads may be running, as a JVM does */
    bool gdb;                /* wait for a debugger on 127.0.0.1:1234 */
    bool verbose;            /* say on stderr what happens and how long it took */
};

/* What the host offers. */
enum vm_kvm { VM_KVM_HARDWARE, VM_KVM_SOFTWARE, VM_KVM_NO_PERMISSION, VM_KVM_ABSENT };
enum vm_kvm vm_probe_kvm(void);
/* The accelerator that `wanted` comes down to on this host; *why says so in a sentence when auto chose TCG. */
struct error *vm_choose_accel(enum vm_accel wanted, enum vm_accel *chosen, const char **why);

/* Descriptors that QEMU inherits, -1: a stand-in that lets the command be pasted into a shell (--dry-run). */
struct vm_channels {
    int console, log, control, config;
};
struct error *vm_command(const struct vm_options *options, const struct vm_channels *channels, struct strings *out);
/* Each forwarded port must be free: an error names the first that is not. */
struct error *vm_check_ports(const struct vm_options *options);

/* Runs the machine; stdin, stdout and stderr are this process's. *status: the program's exit status. */
struct error *vm_run(const struct vm_options *options, int *status);
