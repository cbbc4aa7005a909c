/* The parts of /proc's table. Private to this module. */
#pragma once
#include <process/process.h>
#include <vfs/pseudo.h>
#include <vfs/vfs.h>

enum { TICKS_PER_SECOND = 100 };
static inline uint64_t ticks_of_ns(uint64_t ns)
{
    return ns / (uint64_t)(NS_PER_SECOND / TICKS_PER_SECOND);
}

extern const struct pseudo_node proc_process_nodes[]; /* of /proc/PID */
extern const struct pseudo_node proc_task_nodes[];    /* of /proc/PID/task/TID */
extern const struct pseudo_node proc_sys_nodes[], proc_net_nodes[];

/* The process of a key; -ESRCH. process_put afterwards. */
int proc_get_process(const struct pseudo_key *key, struct process **out);
/* Its address space, referenced; NULL when it has exited. */
struct address_space *proc_get_space(struct process *process);
/* "12" to 12; false on anything else. */
bool proc_parse_number(const char *name, size_t len, uint64_t *out);
void proc_owner(const struct pseudo_key *key, uint32_t *uid, uint32_t *gid);

/* Text of whole files, by subject. */
typedef int proc_show(const struct pseudo_key *key, struct text *out);
proc_show proc_show_stat, proc_show_statm, proc_show_status, proc_show_maps, proc_show_smaps, proc_show_smaps_rollup,
    proc_show_limits, proc_show_mounts, proc_show_mountinfo, proc_show_io, proc_show_schedstat, proc_show_cpuinfo,
    proc_show_meminfo, proc_show_machine_stat, proc_show_comm;
/* Magic links and directories of descriptors. */
int proc_follow_fd(const struct pseudo_key *key, struct dentry **dentry, struct file **file);
int proc_target_fd(const struct pseudo_key *key, struct text *out);
int proc_find_fd(const struct pseudo_key *key, const char *name, size_t len, uint64_t *id);
int proc_next_fd(const struct pseudo_key *key, uint64_t *id, char name[32]);
proc_show proc_show_fdinfo;
int proc_open_mem(const struct pseudo_key *key, struct file *file);
ssize_t proc_store_comm(const struct pseudo_key *key, const char *bytes, size_t len);

void proc_cpuinfo_init(void); /* the first sample for the clock rate */

/* ipc.c: /proc/sysvipc, and the limits in /proc/sys/kernel. */
extern const struct pseudo_node proc_sysvipc_nodes[];
typedef ssize_t proc_store(const struct pseudo_key *key, const char *bytes, size_t len);
proc_show proc_show_shmmax, proc_show_shmall, proc_show_shmmni, proc_show_msgmax, proc_show_msgmnb, proc_show_msgmni,
    proc_show_sem, proc_show_mq_queues, proc_show_mq_messages, proc_show_mq_size, proc_show_mq_default,
    proc_show_mq_default_size, proc_show_aio_max;
proc_store proc_store_shmmax, proc_store_shmall, proc_store_shmmni, proc_store_msgmax, proc_store_msgmnb,
    proc_store_msgmni, proc_store_sem, proc_store_mq_queues, proc_store_mq_messages, proc_store_mq_size,
    proc_store_mq_default, proc_store_mq_default_size, proc_store_aio_max;
