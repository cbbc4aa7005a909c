/*
 * What the host cannot do although CPUID says so. Some hosts offer a KVM that interprets ring 0 in software, at about
 * half a microsecond an instruction, and refuses many instructions there; the refusal ends the machine, so it cannot be
 * tried. What gives such a host away is time: a run of NOPs takes a thousand times longer than on silicon.
 */
#include "cpu_local.h"
#include <arch/boot.h>

static const char *host_defect;

static uint64_t time_nops(bool many)
{
    uint64_t start = tsc_read_ordered();
    if (many)
        __asm__ volatile(".rept 64\n\tnop\n\t.endr");
    return tsc_read_ordered() - start;
}

/* The least of a few tries, so that an interrupted one does not count. */
static uint64_t least_time(bool many)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t time = time_nops(many);
        least = time < least ? time : least;
    }
    return least;
}

/* Before control registers are set. 64 NOPs: under 100 cycles on silicon, some 60000 when interpreted. */
void selftest_early(void)
{
    struct cpu_features *f = &cpu_features;
    if (!f->is_kvm)
        return;
    uint64_t without = least_time(false), with = least_time(true);
    if (with < without + 6400)
        return;
    f->is_ring0_emulated = true;
    f->has_xsave = f->has_xsaveopt = f->has_smap = f->has_fsgsbase = f->has_sysret = false;
    host_defect =
        "this host's KVM has no hardware virtualisation and interprets the kernel's code: everything is slow, "
        "and programs have no AVX";
}

const char *boot_host_defect(void)
{
    return host_defect;
}
