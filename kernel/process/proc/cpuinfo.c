/* /proc/cpuinfo from CPUID (Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E), in Linux's words. */
#include <arch/cpu.h>
#include <base/string.h>
#include <cpuid.h>
#include "tables.h"

/* The clock rate is what the time stamp counter did between the first sample and the reading. */
static uint64_t first_tsc, first_ns;

void proc_cpuinfo_init(void)
{
    first_tsc = __builtin_ia32_rdtsc();
    first_ns = clock_monotonic_ns();
}

static uint64_t clock_khz(void)
{
    uint64_t ns = clock_monotonic_ns() - first_ns, ticks = __builtin_ia32_rdtsc() - first_tsc;
    uint64_t us = ns / 1000;
    return us ? ticks / (us / 1000 ? us / 1000 : 1) : 0;
}

struct flag_word {
    uint32_t leaf;
    unsigned output; /* 0 EAX .. 3 EDX */
    const char *names[32];
};
static const struct flag_word words[] = {
    {1,
     3,
     {"fpu",  "vme", "de",   "pse",    "tsc",   "msr", "pae", "mce",  "cx8", "apic", NULL, "sep", "mtrr", "pge", "mca", "cmov",
      "pat", "pse36", "pn", "clflush", NULL, "dts", "acpi", "mmx", "fxsr", "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe"}},
    {0x80000001,
     3,
     {[11] = "syscall", [20] = "nx", [22] = "mmxext", [25] = "fxsr_opt", [26] = "pdpe1gb", [27] = "rdtscp", [29] = "lm"}},
    {1,
     2,
     {"pni",  "pclmulqdq", "dtes64", "monitor", "ds_cpl", "vmx",    "smx",    "est",   "tm2",     "ssse3", "cid",
      "sdbg", "fma",       "cx16",   "xtpr",    "pdcm",   NULL,     "pcid",   "dca",   "sse4_1",  "sse4_2", "x2apic",
      "movbe", "popcnt", "tsc_deadline_timer", "aes", "xsave", NULL, "avx", "f16c", "rdrand", "hypervisor"}},
    {0x80000001,
     2,
     {"lahf_lm", "cmp_legacy", "svm", "extapic", "cr8_legacy", "abm", "sse4a", "misalignsse", "3dnowprefetch", "osvw",
      [11] = "xop", [16] = "fma4", [21] = "tbm", [22] = "topoext"}},
    {7,
     1,
     {"fsgsbase", "tsc_adjust", NULL, "bmi1", "hle", "avx2", NULL, "smep", "bmi2", "erms", "invpcid", "rtm",
      [14] = "mpx", [16] = "avx512f", "avx512dq", "rdseed", "adx", "smap", "avx512ifma", [23] = "clflushopt", "clwb",
      [26] = "avx512pf", "avx512er", "avx512cd", "sha_ni", "avx512bw", "avx512vl"}},
    {7,
     2,
     {[1] = "avx512vbmi", "umip", "pku", "ospke", [6] = "avx512_vbmi2", [8] = "gfni", "vaes", "vpclmulqdq",
      "avx512_vnni", "avx512_bitalg", [14] = "avx512_vpopcntdq", [16] = "la57", [22] = "rdpid"}},
    {7, 3, {[2] = "avx512_4vnniw", "avx512_4fmaps", "fsrm", [14] = "serialize", [22] = "amx_bf16", "avx512_fp16", "amx_tile", "amx_int8"}},
};

static void print_flags(struct text *out)
{
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        uint32_t registers[4];
        if (!__get_cpuid_count(words[i].leaf, 0, &registers[0], &registers[1], &registers[2], &registers[3]))
            continue;
        for (unsigned bit = 0; bit < 32; bit++)
            if (words[i].names[bit] && registers[words[i].output] >> bit & 1)
                text_printf(out, " %s", words[i].names[bit]);
    }
}

static void read_names(char vendor[13], char model[49])
{
    uint32_t a, b, c, d;
    memset(vendor, 0, 13);
    memset(model, 0, 49);
    if (__get_cpuid(0, &a, &b, &c, &d)) {
        memcpy(vendor, &b, 4);
        memcpy(vendor + 4, &d, 4);
        memcpy(vendor + 8, &c, 4);
    }
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t part[4];
        if (!__get_cpuid(0x80000002 + i, &part[0], &part[1], &part[2], &part[3]))
            return;
        memcpy(model + 16 * i, part, 16);
    }
}

int proc_show_cpuinfo(const struct pseudo_key *key, struct text *out)
{
    char vendor[13], model_name[49];
    uint32_t version = 0, b = 0, c = 0, d = 0, sizes = 0, cache = 0;
    read_names(vendor, model_name);
    __get_cpuid(1, &version, &b, &c, &d);
    __get_cpuid(0x80000008, &sizes, &b, &c, &d);
    __get_cpuid(0x80000006, &b, &c, &cache, &d);
    unsigned family = version >> 8 & 15, model = version >> 4 & 15;
    if (family == 6 || family == 15)
        model |= (version >> 16 & 15) << 4;
    if (family == 15)
        family += version >> 20 & 255;
    uint64_t khz = clock_khz();
    const char *name = model_name;
    while (*name == ' ')
        name++;
    for (unsigned i = 0; i < cpu_count(); i++) {
        text_printf(out, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\n", i, vendor,
                    family, model, name);
        text_printf(out, "stepping\t: %u\nmicrocode\t: 0x1\ncpu MHz\t\t: %llu.%03llu\ncache size\t: %u KB\n", version & 15,
                    (unsigned long long)khz / 1000, (unsigned long long)khz % 1000, cache >> 16);
        text_printf(out, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\n", cpu_count(),
                    i, cpu_count(), i);
        text_printf(out, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 13\nwp\t\t: yes\nflags\t\t:");
        print_flags(out);
        text_printf(out, "\nbogomips\t: %llu.%02llu\nclflush size\t: 64\ncache_alignment\t: 64\n",
                    (unsigned long long)khz / 500, (unsigned long long)khz / 5 % 100);
        text_printf(out, "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n", sizes & 255,
                    sizes >> 8 & 255);
    }
    return 0;
}
