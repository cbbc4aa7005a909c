/* The QEMU command line of a machine: no more devices than the program needs. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vm/vm.h>

/* QEMU's option parser takes a doubled comma for a comma. */
static char *escape_commas(const char *s)
{
    char *out = xcalloc(2 * strlen(s) + 1, 1), *to = out;
    for (; *s; s++) {
        if (*s == ',')
            *to++ = ',';
        *to++ = *s;
    }
    return out;
}

static void add(struct strings *out, const char *option, const char *value)
{
    strings_add(out, option);
    strings_add(out, value);
}

/*
 * Under TCG a virtual CPU translates instructions while another one may be writing to them, and QEMU may keep the
 * translation of what was half written, or is out of date by then (seen with 7.2 and 10.0, with Linux as the guest too:
 * tests/boot/programs/rewrite.c). A JVM crashes or spins of that once in a few starts, so its virtual CPUs take turns
 * on one thread of the host; other programs' have a thread each.
 */
static const char *accelerator(const struct vm_options *o, enum vm_accel accel)
{
    if (accel == VM_ACCEL_KVM)
        return "kvm";
    return o->rewrites_code ? "tcg,thread=single" : "tcg,thread=multi";
}

static void add_machine(struct strings *out, const struct vm_options *o, enum vm_accel accel)
{
    bool is_kvm = accel == VM_ACCEL_KVM;
    strings_add(out, "-M");
    if (o->machine == VM_MICROVM)
        strings_add(out,
                    "microvm,acpi=on,pit=off,pic=off,rtc=on,isa-serial=on,usb=off,pcie=off,auto-kernel-cmdline=off");
    else
        strings_add(out, "q35,usb=off,vmport=off,smbus=off,sata=off,hpet=off,i8042=off");
    add(out, "-accel", accelerator(o, accel));
    if (o->machine == VM_MICROVM) /* virtio 1 registers */
        add(out, "-global", "virtio-mmio.force-legacy=false");
    /* A software KVM aborts QEMU over the MSR behind arch-capabilities. */
    add(out, "-cpu", !is_kvm ? "max" : vm_probe_kvm() == VM_KVM_SOFTWARE ? "max,-arch-capabilities" : "host");
    strings_add(out, "-m");
    strings_addf(out, "%uM", o->memory_mib);
    strings_add(out, "-smp");
    strings_addf(out, "%u", o->vcpus);
}

/* "virtio-blk" as the machine's bus has it. */
static void add_virtio(struct strings *out, const struct vm_options *o, const char *device, const char *properties)
{
    strings_add(out, "-device");
    strings_addf(out, "%s-%s%s%s", device, o->machine == VM_MICROVM ? "device" : "pci-non-transitional",
                 *properties ? "," : "", properties);
}

static void add_channel(struct strings *out, const char *id, int fd, const char *stand_in)
{
    strings_add(out, "-chardev");
    if (fd >= 0)
        strings_addf(out, "socket,id=%s,fd=%d", id, fd);
    else
        strings_addf(out, "%s,id=%s", stand_in, id);
}

static void add_consoles(struct strings *out, const struct vm_options *o, const struct vm_channels *c)
{
    add_channel(out, "console", c->console, "stdio,signal=off");
    /* A port, not a virtconsole: QEMU throws away what a virtconsole's reader does not take at once. But it closes a
     * port together with its chardev, as stdio at the end of its input, and a console never. */
    add_virtio(out, o, "virtio-serial", "max_ports=2");
    add(out, "-device", c->console >= 0 ? "virtserialport,chardev=console,nr=1" : "virtconsole,chardev=console");
    add_channel(out, "log", c->log, "null");
    add(out, "-serial", "chardev:log");
    add_channel(out, "control", c->control, "null");
    add(out, "-device", "isa-serial,chardev=control,iobase=0x2f8,irq=3,index=1");
}

static void add_network(struct strings *out, const struct vm_options *o)
{
    struct buffer netdev = {0};
    char *text;
    if (o->network && !strcmp(o->network, "none"))
        return;
    if (o->network && !strncmp(o->network, "tap:", 4)) {
        char *name = escape_commas(o->network + 4);
        text = xprintf("tap,id=net0,ifname=%s,script=no,downscript=no", name);
        free(name);
    } else {
        text = xstrdup("user,id=net0");
    }
    buffer_add(&netdev, text, strlen(text));
    free(text);
    for (size_t i = 0; i < o->forward_count; i++) {
        const struct vm_forward *f = &o->forwards[i];
        text = xprintf(",hostfwd=%s:%s:%u-:%u", f->is_udp ? "udp" : "tcp", f->address ? f->address : "127.0.0.1",
                       f->host_port, f->guest_port);
        buffer_add(&netdev, text, strlen(text));
        free(text);
    }
    buffer_add(&netdev, "", 1);
    add(out, "-netdev", netdev.bytes);
    buffer_free(&netdev);
    add_virtio(out, o, "virtio-net", "netdev=net0");
}

/* The settings that go over the image's own: an inherited descriptor, or for --dry-run a substitution that bash opens.
 */
static void add_config(struct strings *out, const struct vm_options *o, int fd)
{
    struct buffer text = {0};
    if (fd < 0 && !o->config.len)
        return;
    strings_add(out, "-fw_cfg");
    if (fd >= 0) {
        strings_addf(out, "name=opt/org.skiff/config,file=/proc/self/fd/%d", fd);
        return;
    }
    static const char head[] = "name=opt/org.skiff/config,file=<(printf '%b' '";
    buffer_add(&text, head, sizeof head - 1);
    for (size_t i = 0; i < o->config.len; i++) {
        unsigned char byte = (unsigned char)o->config.bytes[i];
        char escaped[8];
        bool is_plain = byte > ' ' && byte < 0x7f && byte != '\\' && byte != '\'';
        int n = snprintf(escaped, sizeof escaped, is_plain ? "%c" : "\\0%03o", byte);
        buffer_add(&text, escaped, (size_t)n);
    }
    buffer_add(&text, "')", 3);
    strings_add(out, text.bytes);
    buffer_free(&text);
}

struct error *vm_command(const struct vm_options *o, const struct vm_channels *channels, struct strings *out)
{
    enum vm_accel accel;
    const char *why;
    struct error *err = vm_choose_accel(o->accel, &accel, &why);
    if (err)
        return err;
    char *image = escape_commas(o->image);
    strings_add(out, o->qemu);
    strings_add(out, "-nodefaults");
    strings_add(out, "-no-user-config");
    strings_add(out, "-no-reboot");
    add(out, "-display", "none");
    add(out, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    add_machine(out, o, accel);
    add(out, "-kernel", o->kernel);
    strings_add(out, "-append");
    strings_addf(out, "console=hvc0%s%s", o->append ? " " : "", o->append ? o->append : "");
    strings_add(out, "-drive");
    strings_addf(out, "id=root,if=none,format=raw,readonly=on,file=%s", image);
    add_virtio(out, o, "virtio-blk", "drive=root");
    add_consoles(out, o, channels);
    add_network(out, o);
    add_virtio(out, o, "virtio-rng", "");
    add_config(out, o, channels->config);
    if (o->gdb) {
        add(out, "-gdb", "tcp:127.0.0.1:1234");
        strings_add(out, "-S");
    }
    free(image);
    return NULL;
}

static bool is_said_twice(const struct vm_options *o, size_t i)
{
    const struct vm_forward *f = &o->forwards[i];
    for (size_t k = 0; k < i; k++)
        if (o->forwards[k].host_port == f->host_port && o->forwards[k].is_udp == f->is_udp &&
            !strcmp(o->forwards[k].address ? o->forwards[k].address : "", f->address ? f->address : ""))
            return true;
    return false;
}

struct error *vm_check_ports(const struct vm_options *o)
{
    for (size_t i = 0; i < o->forward_count; i++) {
        const struct vm_forward *f = &o->forwards[i];
        if (is_said_twice(o, i))
            return error_new("-p: port %u of this host is forwarded twice", f->host_port);
        const char *address = f->address ? f->address : "127.0.0.1";
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(f->host_port)};
        if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
            return error_hint(error_new("-p: \"%s\" is not an IPv4 address of this host", address),
                              "write it as 127.0.0.1:8080:8080");
        int fd = socket(AF_INET, (f->is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0), on = 1;
        if (fd < 0)
            return error_errno("making a socket to check port %u", f->host_port);
        if (!f->is_udp)
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        int failed = bind(fd, (struct sockaddr *)&to, sizeof to), why = errno;
        close(fd);
        errno = why;
        if (failed && why == EADDRINUSE)
            return error_hint(error_new("port %u on %s is in use by another program", f->host_port, address),
                              "choose another one: -p %u:%u, or see who has it: ss -ltnp 'sport = :%u'",
                              (f->host_port + 1u) & 0xffff, f->guest_port, f->host_port);
        if (failed)
            return error_errno("port %u on %s cannot be used", f->host_port, address);
    }
    return NULL;
}
