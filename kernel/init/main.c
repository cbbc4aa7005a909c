/*
 * The order of boot, from the point where memory, exceptions and the scheduler work to the program's first instruction.
 * Nothing here waits for a device that the program may not need: the network configures itself while the program
 * starts.
 */
#include <aio/aio.h>
#include <arch/boot.h>
#include <arch/cpu.h>
#include <base/errno.h>
#include <base/log.h>
#include <base/panic.h>
#include <base/string.h>
#include <contract/exit.h>
#include <device/control.h>
#include <device/entropy.h>
#include <devfs/devfs.h>
#include <file/descriptors.h>
#include <file/pipe.h>
#include <ipc/ipc.h>
#include <linux/dispatch.h>
#include <mm/alloc.h>
#include <pagecache/mapping.h>
#include <process/machine.h>
#include <process/process.h>
#include <sched/thread.h>
#include <tmpfs/tmpfs.h>
#include <vfs/vfs.h>
#include "drivers.h"
#include "machine_end.h"
#include "network.h"
#include "root.h"

static void report_time(const char *event)
{
    char line[64];
    snprintf(line, sizeof line, "time %s %llu", event, (unsigned long long)clock_monotonic_ns());
    control_send(line);
}

static void start_file_layers(void)
{
    static const struct vfs_fifo_hooks fifo_hooks = {.open = pipe_fifo_open, .free = pipe_fifo_free};
    pagecache_init();
    int err = vfs_init();
    if (!err)
        err = tmpfs_init();
    if (err)
        machine_fail(SKIFF_EXIT_FAILED, "the machine has too little memory to start (error %d)", -err);
    vfs_set_fifo_hooks(&fifo_hooks);
    vfs_set_size_limit(&process_file_size_limit);
}

/* The kernel's words and the choices that hold from here on. */
static void apply_settings(struct settings *settings)
{
    if (settings->log_level >= 0)
        log_set_level((enum log_level)settings->log_level);
    if (settings->trace)
        trace_set_enabled(true);
    if (settings->seed)
        entropy_add(settings->seed, strlen(settings->seed));
    const char *name = settings->hostname ? settings->hostname : "skiff";
    machine_set_hostname(name, strlen(name));
    if (settings->hostname)
        root_write_hostname(name);
    settings_default_variable(settings, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    settings_default_variable(settings, "HOME=/root");
    settings_default_variable(settings, "TERM=linux");
}

static void read_command_line(struct settings *settings)
{
    const char *line = boot_command_line(), *what = "";
    char *copy = kstrdup(line, ALLOC_WAIT); /* stays: the settings point into it */
    int err = copy ? settings_add_command_line(settings, copy, &what) : 0;
    if (!copy || err)
        machine_fail(SKIFF_EXIT_FAILED, "the kernel's command line has a bad value for %s=", what);
}

static void explain_start_error(const char *program, int err)
{
    switch (err) {
    case -ENOENT:
    case -ENOTDIR:
        machine_fail(SKIFF_EXIT_NOT_FOUND, "%s: not found in the image (or the interpreter it names is not)", program);
    case -EACCES:
    case -EISDIR:
        machine_fail(SKIFF_EXIT_NOT_EXECUTABLE, "%s: not an executable file", program);
    case -ENOEXEC:
    case -ELIBBAD:
        machine_fail(SKIFF_EXIT_NOT_EXECUTABLE, "%s: not a program for x86-64 Linux", program);
    case -ENOMEM:
        machine_fail(SKIFF_EXIT_FAILED, "%s: the machine has too little memory to start it", program);
    default:
        machine_fail(SKIFF_EXIT_FAILED, "%s: could not be started (error %d)", program, -err);
    }
}

/* A name without a slash is looked up in PATH, as a shell would. NULL: not there. */
static const char *find_program(const struct settings *settings, char to[VFS_PATH_MAX])
{
    const char *name = settings->program, *path = "/usr/bin:/bin";
    if (strchr(name, '/'))
        return name;
    for (unsigned i = 0; i < settings->environment_count; i++)
        if (!strncmp(settings->environment[i], "PATH=", 5))
            path = settings->environment[i] + 5;
    while (*path) {
        const char *end = strchr(path, ':');
        size_t len = end ? (size_t)(end - path) : strlen(path);
        struct dentry *dentry;
        snprintf(to, VFS_PATH_MAX, "%.*s/%s", (int)(len < 1024 ? len : 1024), path, name);
        if (!vfs_lookup(&vfs_kernel, NULL, to, LOOKUP_FOLLOW, &dentry)) {
            dentry_put(dentry);
            return to;
        }
        path += end ? len + 1 : len;
    }
    return NULL;
}

static enum console_input console_input(const struct settings *settings)
{
    static const enum console_input inputs[] = {
        [SETTINGS_INPUT_TERMINAL] = CONSOLE_INPUT_TERMINAL,
        [SETTINGS_INPUT_NULL] = CONSOLE_INPUT_NONE,
        [SETTINGS_INPUT_PIPE] = CONSOLE_INPUT_PIPE,
    };
    return inputs[settings->input];
}

static bool is_descriptor(struct descriptor_table *table, struct file *file, int fd)
{
    return descriptor_install(table, file, 0, false) == fd;
}

/* Descriptors 0, 1 and 2: input as the settings want it, and the machine's console. NULL: no memory. */
static struct descriptor_table *open_standard_files(const struct settings *settings)
{
    struct descriptor_table *table = descriptor_table_create();
    struct file *in, *out;
    if (!table || console_open_input(console_input(settings), &in) || console_open_output(&out))
        return NULL;
    file_get(out);
    return is_descriptor(table, in, 0) && is_descriptor(table, out, 1) && is_descriptor(table, out, 2) ? table : NULL;
}

static void start_program(struct settings *settings)
{
    static const char *arguments[SETTINGS_ARGUMENTS + 2], *environment[SETTINGS_ENVIRONMENT + 1];
    struct program_start start = {
        .arguments = arguments,
        .environment = environment,
        .working_directory = settings->working_directory ? settings->working_directory : "/",
        .uid = settings->uid,
        .gid = settings->gid,
    };
    if (!settings->program)
        machine_fail(SKIFF_EXIT_NOT_FOUND,
                     "no program: the image has none in its configuration, and there is no init=");
    char *buffer = kmalloc(VFS_PATH_MAX, ALLOC_WAIT);
    start.path = buffer ? find_program(settings, buffer) : NULL;
    if (!start.path)
        explain_start_error(settings->program, -ENOENT);
    arguments[0] = settings->argument0 ? settings->argument0 : settings->program;
    memcpy(arguments + 1, settings->arguments, settings->argument_count * sizeof *arguments);
    memcpy(environment, settings->environment, settings->environment_count * sizeof *environment);
    start.descriptors = open_standard_files(settings);
    int err = start.descriptors ? process_start_first(&start) : -ENOMEM;
    if (err)
        explain_start_error(settings->program, err);
    machine_end_program_started();
    kfree(buffer);
}

static void boot(void *unused)
{
    static struct settings settings;
    settings_init(&settings);
    const char *command_line = boot_command_line();
    control_init();
    control_send("hello 1");
    report_time("kernel");
    start_file_layers();
    drivers_probe(command_line);
    if (boot_host_defect())
        log_warning("%s", boot_host_defect());
    static struct settings from_line;
    settings_init(&from_line);
    read_command_line(&from_line);
    root_mount(&from_line, command_line);
    report_time("root");
    root_read_settings(&settings);
    read_command_line(&settings);
    apply_settings(&settings);
    tty_init(console_input(&settings));
    network_start(&settings);
    machine_end_init();
    ipc_init();
    aio_init();
    system_calls_init();
    report_time("exec");
    start_program(&settings);
}

static void tell_host_of_panic(const char *text)
{
    char line[192];
    snprintf(line, sizeof line, "panic %s", text);
    control_send(line);
}

void kernel_main(void)
{
    static const struct panic_hooks hooks = {.tell_host = tell_host_of_panic};
    panic_set_hooks(&hooks);
    struct thread *thread = thread_create("boot", boot, NULL);
    if (!thread)
        panic("no memory for the first thread");
    thread_start(thread);
}
