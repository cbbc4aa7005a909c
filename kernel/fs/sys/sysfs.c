/* The table of /sys. CPUs and network devices are counted when asked, so hot additions show. */
#include <arch/cpu.h>
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <device/block.h>
#include <device/netdev.h>
#include <sysfs/sysfs.h>
#include <vfs/pseudo.h>

enum { SYSFS_MAGIC = 0x62656572, LOOPBACK = 0 };

#define CONSTANT(id, words)                                                                                            \
    static int show_##id(const struct pseudo_key *key, struct text *out)                                               \
    {                                                                                                                  \
        text_append(out, words "\n", sizeof(words));                                                                   \
        return 0;                                                                                                      \
    }
#define FILE_ROW(file, id)          {.name = file, .mode = 0444, .show = show_##id}
#define DIRECTORY(directory, rows) {.name = directory, .mode = S_IFDIR | 0555, .children = rows}

static bool parse_number(const char *name, size_t len, uint64_t *out)
{
    uint64_t value = 0;
    if (!len || len > 6 || (name[0] == '0' && len > 1))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(name[i] - '0');
    }
    *out = value;
    return true;
}

/* ---- CPUs ---- */

static int show_cpus(const struct pseudo_key *key, struct text *out)
{
    if (cpu_count() == 1)
        text_printf(out, "0\n");
    else
        text_printf(out, "0-%u\n", cpu_count() - 1);
    return 0;
}

static int show_cpu_mask(const struct pseudo_key *key, struct text *out)
{
    uint64_t mask = cpu_count() >= 64 ? UINT64_MAX : (UINT64_C(1) << cpu_count()) - 1;
    if (mask >> 32)
        text_printf(out, "%08x,", (uint32_t)(mask >> 32));
    text_printf(out, "%08x\n", (uint32_t)mask);
    return 0;
}

static int show_own_cpu(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "%llu\n", (unsigned long long)key->id[0]);
    return 0;
}

static int show_own_mask(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "%08llx\n", 1ull << (key->id[0] & 63));
    return 0;
}

static int show_empty_line(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "\n");
    return 0;
}

static int find_cpu(const struct pseudo_key *key, const char *name, size_t len, uint64_t *id)
{
    if (len < 4 || memcmp(name, "cpu", 3) || !parse_number(name + 3, len - 3, id) || *id >= cpu_count())
        return -ENOENT;
    return 0;
}

static int next_cpu(const struct pseudo_key *key, uint64_t *id, char name[32])
{
    if (*id >= cpu_count())
        return -ENOENT;
    snprintf(name, 32, "cpu%llu", (unsigned long long)*id);
    return 0;
}

CONSTANT(0, "0")
CONSTANT(1, "1")
CONSTANT(64, "64")
CONSTANT(huge_enabled, "always [madvise] never")
CONSTANT(huge_defrag, "always defer defer+madvise [madvise] never")
CONSTANT(huge_shmem, "always within_size advise [never] deny force")
CONSTANT(huge_size, "2097152")
CONSTANT(clock, "tsc")
CONSTANT(clocks, "tsc acpi_pm")
CONSTANT(cpu_max, "63")

static const struct pseudo_node topology_nodes[] = {
    FILE_ROW("physical_package_id", 0),      FILE_ROW("core_id", own_cpu),       FILE_ROW("thread_siblings", own_mask),
    FILE_ROW("thread_siblings_list", own_cpu), FILE_ROW("core_siblings", cpu_mask), FILE_ROW("core_siblings_list", cpus),
    FILE_ROW("core_cpus_list", own_cpu),     FILE_ROW("package_cpus_list", cpus), {.name = NULL},
};
static const struct pseudo_node cpu_nodes[] = {DIRECTORY("topology", topology_nodes), {.name = NULL}};
static const struct pseudo_node each_cpu = {.mode = S_IFDIR | 0555, .children = cpu_nodes};
static const struct pseudo_node cpus_nodes[] = {
    FILE_ROW("online", cpus),     FILE_ROW("possible", cpus),      FILE_ROW("present", cpus),
    FILE_ROW("offline", empty_line), FILE_ROW("kernel_max", cpu_max), {.name = NULL},
};

/* ---- one memory node ---- */

static int show_node_memory(const struct pseudo_key *key, struct text *out)
{
    struct memory_counters m;
    memory_count(&m);
    unsigned long long kib = PAGE_SIZE / 1024;
    text_printf(out, "Node 0 MemTotal:  %12llu kB\nNode 0 MemFree:   %12llu kB\nNode 0 MemUsed:   %12llu kB\n",
                m.total_pages * kib, m.free_pages * kib, (m.total_pages - m.free_pages) * kib);
    return 0;
}

CONSTANT(distance, "10")
static const struct pseudo_node node0_nodes[] = {
    FILE_ROW("cpumap", cpu_mask), FILE_ROW("cpulist", cpus), FILE_ROW("distance", distance),
    FILE_ROW("meminfo", node_memory), {.name = NULL},
};
static const struct pseudo_node memory_nodes[] = {
    FILE_ROW("online", 0),          FILE_ROW("possible", 0),     FILE_ROW("has_cpu", 0), FILE_ROW("has_memory", 0),
    FILE_ROW("has_normal_memory", 0), DIRECTORY("node0", node0_nodes), {.name = NULL},
};

/* ---- network devices: the loopback is LOOPBACK, the others by their place in the registry ---- */

static struct netdev *netdev_of(uint64_t id)
{
    struct netdev *device = netdev_first();
    for (uint64_t i = 1; device && i < id; i++)
        device = netdev_next(device);
    return device;
}

static int find_netdev(const struct pseudo_key *key, const char *name, size_t len, uint64_t *id)
{
    *id = LOOPBACK;
    if (len == 2 && !memcmp(name, "lo", 2))
        return 0;
    uint64_t n = 1;
    for (struct netdev *device = netdev_first(); device; device = netdev_next(device), n++) {
        if (strlen(device->name) != len || memcmp(device->name, name, len))
            continue;
        *id = n;
        return 0;
    }
    return -ENOENT;
}

static int next_netdev(const struct pseudo_key *key, uint64_t *id, char name[32])
{
    struct netdev *device = *id == LOOPBACK ? NULL : netdev_of(*id);
    if (*id != LOOPBACK && !device)
        return -ENOENT;
    snprintf(name, 32, "%s", device ? device->name : "lo");
    return 0;
}

static struct netdev *key_netdev(const struct pseudo_key *key)
{
    return key->id[0] == LOOPBACK ? NULL : netdev_of(key->id[0]);
}

static int show_address(const struct pseudo_key *key, struct text *out)
{
    static const uint8_t none[6];
    const struct netdev *device = key_netdev(key);
    const uint8_t *a = device ? device->address : none;
    text_printf(out, "%02x:%02x:%02x:%02x:%02x:%02x\n", a[0], a[1], a[2], a[3], a[4], a[5]);
    return 0;
}

static int show_mtu(const struct pseudo_key *key, struct text *out)
{
    const struct netdev *device = key_netdev(key);
    text_printf(out, "%u\n", device ? device->mtu : 65536);
    return 0;
}

static int show_operstate(const struct pseudo_key *key, struct text *out)
{
    const struct netdev *device = key_netdev(key);
    text_printf(out, "%s\n", !device ? "unknown" : device->is_up ? "up" : "down");
    return 0;
}

static int show_carrier(const struct pseudo_key *key, struct text *out)
{
    const struct netdev *device = key_netdev(key);
    text_printf(out, "%d\n", !device || device->is_up);
    return 0;
}

static int show_ifindex(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "%llu\n", (unsigned long long)key->id[0] + 1);
    return 0;
}

static int show_type(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "%u\n", key_netdev(key) ? 1 : 772); /* ARPHRD_ETHER, ARPHRD_LOOPBACK */
    return 0;
}

static int show_flags(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "0x%x\n", key_netdev(key) ? 0x1003 : 0x9);
    return 0;
}

#define COUNTER(id, side, field)                                                                                       \
    static int show_##id(const struct pseudo_key *key, struct text *out)                                               \
    {                                                                                                                  \
        struct netdev *device = key_netdev(key);                                                                       \
        text_printf(out, "%llu\n", (unsigned long long)(device ? load_relaxed(&device->side.field) : 0));              \
        return 0;                                                                                                      \
    }
COUNTER(rx_bytes, received, bytes)
COUNTER(rx_packets, received, packets)
COUNTER(rx_errors, received, errors)
COUNTER(rx_dropped, received, dropped)
COUNTER(tx_bytes, sent, bytes)
COUNTER(tx_packets, sent, packets)
COUNTER(tx_errors, sent, errors)
COUNTER(tx_dropped, sent, dropped)

static const struct pseudo_node statistics_nodes[] = {
    FILE_ROW("rx_bytes", rx_bytes),   FILE_ROW("rx_packets", rx_packets), FILE_ROW("rx_errors", rx_errors),
    FILE_ROW("rx_dropped", rx_dropped), FILE_ROW("tx_bytes", tx_bytes),   FILE_ROW("tx_packets", tx_packets),
    FILE_ROW("tx_errors", tx_errors), FILE_ROW("tx_dropped", tx_dropped), {.name = NULL},
};
static const struct pseudo_node netdev_nodes[] = {
    FILE_ROW("address", address), FILE_ROW("mtu", mtu),         FILE_ROW("operstate", operstate), FILE_ROW("carrier", carrier),
    FILE_ROW("ifindex", ifindex), FILE_ROW("iflink", ifindex),  FILE_ROW("type", type),           FILE_ROW("flags", flags),
    FILE_ROW("dev_id", 0),        DIRECTORY("statistics", statistics_nodes), {.name = NULL},
};
static const struct pseudo_node each_netdev = {.mode = S_IFDIR | 0555, .children = netdev_nodes};

/* ---- block devices ---- */

static struct block_device *block_of(uint64_t id)
{
    struct block_device *device = block_device_first();
    for (uint64_t i = 0; device && i < id; i++)
        device = block_device_next(device);
    return device;
}

static int find_block(const struct pseudo_key *key, const char *name, size_t len, uint64_t *id)
{
    uint64_t n = 0;
    for (struct block_device *device = block_device_first(); device; device = block_device_next(device), n++) {
        if (strlen(device->name) != len || memcmp(device->name, name, len))
            continue;
        *id = n;
        return 0;
    }
    return -ENOENT;
}

static int next_block(const struct pseudo_key *key, uint64_t *id, char name[32])
{
    struct block_device *device = block_of(*id);
    if (!device)
        return -ENOENT;
    snprintf(name, 32, "%s", device->name);
    return 0;
}

static int show_sectors(const struct pseudo_key *key, struct text *out)
{
    struct block_device *device = block_of(key->id[0]);
    text_printf(out, "%llu\n", (unsigned long long)(device ? device->sector_count : 0));
    return 0;
}

static int show_read_only(const struct pseudo_key *key, struct text *out)
{
    struct block_device *device = block_of(key->id[0]);
    text_printf(out, "%d\n", device && device->is_read_only);
    return 0;
}

CONSTANT(block_size, "512")
static const struct pseudo_node block_queue_nodes[] = {
    FILE_ROW("logical_block_size", block_size), FILE_ROW("physical_block_size", block_size), FILE_ROW("rotational", 0),
    FILE_ROW("hw_sector_size", block_size), {.name = NULL},
};
static const struct pseudo_node block_nodes[] = {
    FILE_ROW("size", sectors), FILE_ROW("ro", read_only), DIRECTORY("queue", block_queue_nodes), {.name = NULL}};
static const struct pseudo_node each_block = {.mode = S_IFDIR | 0555, .children = block_nodes};

/* ---- the rest ---- */

static const struct pseudo_node clocksource0_nodes[] = {
    FILE_ROW("current_clocksource", clock), FILE_ROW("available_clocksource", clocks), {.name = NULL}};
static const struct pseudo_node clocksource_nodes[] = {DIRECTORY("clocksource0", clocksource0_nodes), {.name = NULL}};
static const struct pseudo_node system_nodes[] = {
    {.name = "cpu", .mode = S_IFDIR | 0555, .children = cpus_nodes, .find = find_cpu, .next = next_cpu, .each = &each_cpu},
    DIRECTORY("node", memory_nodes), DIRECTORY("clocksource", clocksource_nodes), {.name = NULL},
};
static const struct pseudo_node devices_nodes[] = {DIRECTORY("system", system_nodes), {.name = NULL}};
static const struct pseudo_node khugepaged_nodes[] = {FILE_ROW("defrag", 1), FILE_ROW("max_ptes_none", 64), {.name = NULL}};
static const struct pseudo_node huge_nodes[] = {
    FILE_ROW("enabled", huge_enabled),        FILE_ROW("defrag", huge_defrag), FILE_ROW("shmem_enabled", huge_shmem),
    FILE_ROW("hpage_pmd_size", huge_size),    FILE_ROW("use_zero_page", 1),
    DIRECTORY("khugepaged", khugepaged_nodes), {.name = NULL},
};
static const struct pseudo_node empty_nodes[] = {{.name = NULL}};
static const struct pseudo_node mm_nodes[] = {
    DIRECTORY("transparent_hugepage", huge_nodes), DIRECTORY("hugepages", empty_nodes), {.name = NULL}};
static const struct pseudo_node kernel_nodes[] = {DIRECTORY("mm", mm_nodes), {.name = NULL}};
static const struct pseudo_node class_nodes[] = {
    {.name = "net", .mode = S_IFDIR | 0555, .find = find_netdev, .next = next_netdev, .each = &each_netdev},
    {.name = NULL},
};
static const struct pseudo_node fs_nodes[] = {DIRECTORY("cgroup", empty_nodes), {.name = NULL}};
static const struct pseudo_node root_nodes[] = {
    {.name = "block", .mode = S_IFDIR | 0555, .find = find_block, .next = next_block, .each = &each_block},
    DIRECTORY("class", class_nodes), DIRECTORY("devices", devices_nodes), DIRECTORY("fs", fs_nodes),
    DIRECTORY("kernel", kernel_nodes), {.name = NULL},
};
static const struct pseudo_node root = {.name = "sys", .mode = S_IFDIR | 0555, .children = root_nodes};

int sysfs_create(struct file_system **out)
{
    return pseudo_fs_create("sysfs", SYSFS_MAGIC, &root, out);
}
