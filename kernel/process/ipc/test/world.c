/* The stand-ins for processes, memory and files; see world.h. */
#include "world.h"
#include <base/string.h>
#include <process/watcher.h>
#include <vfs/vfs.h>
#include "../table.h"

static struct process processes[16], *first = &processes[0];
static unsigned process_count;
static struct process_watcher *watcher;

/* ---- processes ---- */

static struct process *make_process(uint32_t uid)
{
    struct process *process = &processes[process_count++];
    memset(process, 0, sizeof *process);
    process->id = process_count;
    refcount_init(&process->refs, 1);
    process->credentials =
        (struct credentials){.uid = uid, .euid = uid, .fsuid = uid, .gid = uid, .egid = uid, .fsgid = uid};
    process->limits[LIMIT_MSGQUEUE] = (struct resource_limit){819200, 819200};
    return process;
}

void world_begin(void)
{
    fake_sched_reset();
    if (!watcher)
        ipc_init();
    process_count = 0;
    thread_current()->process = first = make_process(0);
    world_signal = 0;
    world_map_error = 0;
}

struct start {
    struct process *process;
    void (*program)(void);
};

static void run(void *argument)
{
    struct start start = *(struct start *)argument;
    kfree(argument);
    thread_current()->process = start.process;
    start.program();
    watcher->end(start.process);
    thread_current()->process = NULL;
}

struct process *world_start(void (*program)(void))
{
    struct start *start = kmalloc(sizeof *start, ALLOC_WAIT);
    *start = (struct start){make_process(1000), program};
    struct process *process = start->process;
    struct thread *thread = thread_create("program", run, start);
    thread_start(thread);
    thread_put(thread);
    return process;
}

void world_run(void)
{
    fake_run_threads();
}

void process_add_watcher(struct process_watcher *added)
{
    watcher = added;
}

bool process_is_capable(unsigned capability)
{
    return process_current()->credentials.euid == 0;
}

void process_get(struct process *process)
{
    refcount_get(&process->refs);
}

void process_put(struct process *process)
{
    assert(!refcount_put(&process->refs));
}

int world_signal, world_signal_code;
uint64_t world_signal_value;

void signal_info_init(struct signal_info *info, int number, int code, uint32_t pid, uint32_t uid)
{
    memset(info, 0, sizeof *info);
    info->number = number;
    info->code = code;
}

int signal_send_process(struct process *process, int number, const struct signal_info *info)
{
    world_signal = number;
    world_signal_code = info->code;
    world_signal_value = info->fields[1];
    return 0;
}

/* ---- memory ---- */

unsigned world_map_error;
static struct vm_object *mapped[16];
static unsigned mapped_count;

int address_space_map(struct address_space *space, const struct map_request *request, uintptr_t *out)
{
    if (world_map_error)
        return -(int)world_map_error;
    request->object->ops->get(request->object);
    mapped[mapped_count++] = request->object;
    *out = 0x100000;
    return 0;
}

void world_unmap(void)
{
    struct vm_object *object = mapped[--mapped_count];
    object->ops->put(object);
}

int address_space_unmap_object(struct address_space *space, uintptr_t start,
                               bool (*is_wanted)(const struct vm_object *object))
{
    if (!mapped_count || start != 0x100000)
        return -EINVAL;
    world_unmap();
    return 0;
}

/* ---- files ---- */

static void keep(struct vm_object *object)
{
}

static void describe(struct vm_object *object, char *path, size_t size, uint64_t *device, uint64_t *inode)
{
    snprintf(path, size, "/SYSV");
}

static int get_object(struct file *file, bool is_shared, struct vm_object **out)
{
    static const struct vm_object_ops ops = {.get = keep, .put = keep, .describe = describe};
    static struct vm_object object;
    vm_object_init(&object, &ops);
    *out = &object;
    return 0;
}

static void release(struct file *file)
{
}

int vfs_open_anonymous(const char *name, uint64_t size, bool may_seal, struct file **out)
{
    static const struct file_ops ops = {.get_vm_object = get_object, .release = release, .name = "memory"};
    *out = file_create(&ops, 2, NULL);
    return *out ? 0 : -ENOMEM;
}

struct inode *file_inode(const struct file *file)
{
    return NULL;
}

int vfs_stat_inode(struct inode *inode, struct vfs_stat *out)
{
    return -EINVAL;
}
