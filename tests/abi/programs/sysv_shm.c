/* System V shared memory: keys, rights, attaching at places, attach counts over fork, exec and munmap, removal. */
#include "show.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <grp.h>
#include <unistd.h>

enum { KEY = 0x5c1ff001, SIZE = 3 * 4096 - 100 };
static struct shmid_ds ds;

static long attaches(int id)
{
    return shmctl(id, IPC_STAT, &ds) ? -1 : (long)ds.shm_nattch;
}

static void keys(void)
{
    SHOW(shmget(KEY, SIZE, 0600));
    int id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0640);
    SHOW(id >= 0);
    SHOW(shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600));
    SHOW(shmget(KEY, SIZE, IPC_CREAT | 0600) == id);
    SHOW(shmget(KEY, 1, 0) == id);
    SHOW(shmget(KEY, 0, 0) == id);
    SHOW(shmget(KEY, SIZE + 1, 0));
    SHOW(shmget(IPC_PRIVATE, 0, 0600));
    SHOW(shmctl(id, IPC_STAT, &ds));
    SHOW(ds.shm_segsz);
    SHOW(ds.shm_perm.__key == KEY);
    SHOW(ds.shm_perm.mode);
    SHOW(ds.shm_perm.uid == geteuid());
    SHOW(ds.shm_perm.cgid == getegid());
    SHOW(ds.shm_cpid == getpid());
    SHOW(ds.shm_lpid);
    SHOW(ds.shm_nattch);
    SHOW(ds.shm_atime);
    SHOW(ds.shm_ctime != 0);
    ds.shm_perm.mode = 0777 | 01000;
    SHOW(shmctl(id, IPC_SET, &ds));
    SHOW(shmctl(id, IPC_STAT, &ds));
    SHOW(ds.shm_perm.mode);
    SHOW(shmctl(id, IPC_STAT, (void *)8));
    SHOW(shmctl(id, 77, &ds));
    SHOW(shmctl(-1, IPC_STAT, &ds));
    SHOW(shmctl(id, IPC_RMID, NULL));
    SHOW(shmctl(id, IPC_RMID, NULL));
    SHOW(shmctl(id, IPC_STAT, &ds));
    SHOW(shmget(KEY, SIZE, 0600));
}

static void places(void)
{
    int id = shmget(IPC_PRIVATE, SIZE, 0600);
    char *area = mmap(NULL, 16 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHOW(shmat(id, area, 0));
    char *a = shmat(id, area + 4096, SHM_REMAP);
    SHOW(a == area + 4096);
    SHOW(attaches(id));
    SHOW(ds.shm_lpid == getpid());
    SHOW(ds.shm_atime != 0);
    a[0] = 1, a[SIZE] = 2, a[3 * 4096 - 1] = 3;
    char *b = shmat(id, NULL, SHM_RDONLY);
    SHOW(b[0] + b[SIZE] + b[3 * 4096 - 1]);
    SHOW(attaches(id));
    SHOW(mprotect(b, 4096, PROT_READ | PROT_WRITE));
    SHOW(mprotect(b, 4096, PROT_NONE));
    SHOW(attaches(id)); /* the mapping is two now */
    SHOW(shmdt(b + 1));
    SHOW(shmdt(b + 4096));
    SHOW(shmdt(b));
    SHOW(attaches(id));
    SHOW(shmdt(b));
    SHOW(shmat(id, a, 0));
    SHOW(shmat(id, a + 100, 0));
    SHOW(shmat(id, a + 4096, SHM_REMAP) == a + 4096);
    SHOW(attaches(id));
    SHOW(a[4096]);
    SHOW(a[4096 + SIZE]);
    SHOW(shmat(id, NULL, SHM_REMAP));
    SHOW(shmdt(a));
    SHOW(attaches(id));
    SHOW(shmdt(a + 4096));
    SHOW(attaches(id));
    SHOW(shmat(id, a + 100, SHM_RND) == a);
    SHOW(munmap(a, 4096));
    SHOW(attaches(id));
    SHOW(shmdt(a));
    SHOW(attaches(id));
    SHOW(munmap(a + 4096, 2 * 4096));
    SHOW(attaches(id));
    SHOW(shmat(id, (void *)0x7ffffffff000, 0));
    SHOW(shmat(id + 1, NULL, 0));
    SHOW(shmat(-1, NULL, 0));
    SHOW(shmctl(id, SHM_LOCK, NULL));
    SHOW(shmctl(id, IPC_STAT, &ds));
    SHOW(ds.shm_perm.mode);
    SHOW(shmctl(id, SHM_UNLOCK, NULL));
    SHOW(shmctl(id, IPC_RMID, NULL));
}

static void processes(void)
{
    int status, id = shmget(IPC_PRIVATE, 4096, 0600);
    volatile int *word = shmat(id, NULL, 0);
    SHOW(shmctl(id, IPC_RMID, NULL));
    SHOW(attaches(id));
    SHOW(ds.shm_perm.mode);
    SHOW(ds.shm_perm.__key);
    int second = shmat(id, NULL, 0) != (void *)-1;
    SHOW(second);
    if (fork() == 0) {
        word[0] = (int)attaches(id);
        shmdt((void *)word);
        _exit(0);
    }
    SHOW(wait(&status) > 0);
    SHOW(status);
    SHOW(word[0]);
    SHOW(attaches(id));
    if (fork() == 0)
        execl("/proc/self/exe", "again", (char *)NULL);
    SHOW(wait(&status) > 0);
    SHOW(status);
    SHOW(attaches(id));
    SHOW(shmdt((void *)word));
    SHOW(attaches(id));
}

static void rights(void)
{
    int status, id = shmget(KEY, 4096, IPC_CREAT | 0604);
    fflush(stdout);
    if (fork() == 0) {
        SHOW(setgroups(0, NULL));
        SHOW(setgid(4242));
        SHOW(setuid(4242));
        SHOW(shmget(KEY, 4096, 0) == id);
        SHOW(shmget(KEY, 4096, 0400) == id);
        SHOW(shmget(KEY, 4096, 0200));
        SHOW(shmat(id, NULL, 0));
        SHOW(shmat(id, NULL, SHM_RDONLY) != (void *)-1);
        SHOW(shmat(id, NULL, SHM_RDONLY | SHM_EXEC));
        SHOW(shmctl(id, IPC_STAT, &ds));
        SHOW(shmctl(id, IPC_SET, &ds));
        SHOW(shmctl(id, IPC_RMID, NULL));
        SHOW(shmctl(id, SHM_LOCK, NULL));
        exit(0);
    }
    SHOW(wait(&status) > 0);
    SHOW(shmctl(id, IPC_RMID, NULL));
}

static void limits(void)
{
    struct shminfo info;
    struct shm_info usage;
    SHOW(shmctl(0, IPC_INFO, (struct shmid_ds *)&info) >= 0);
    SHOW(info.shmmin);
    int id = shmget(IPC_PRIVATE, 8192, 0600);
    char *a = shmat(id, NULL, 0);
    a[0] = 1;
    SHOW(shmctl(0, SHM_INFO, (struct shmid_ds *)&usage) >= 0);
    SHOW(usage.used_ids > 0);
    SHOW(usage.shm_tot >= 2);
    SHOW(usage.shm_rss >= 1);
    int highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&usage), found = 0;
    for (int i = 0; i <= highest; i++)
        found += shmctl(i, SHM_STAT, &ds) == id;
    SHOW(found);
    SHOW(shmctl(id, IPC_RMID, NULL));
    FILE *table = fopen("/proc/sysvipc/shm", "r");
    char line[300], format[300];
    SHOW(table != NULL);
    SHOW(fgets(line, sizeof line, table) != NULL);
    fputs(line, stdout);
    snprintf(format, sizeof format, "%10d %10d  1600 %21d %5d %5d  %5d", 0, id, 8192, getpid(), getpid(), 1);
    for (found = 0; fgets(line, sizeof line, table);)
        found += !strncmp(line, format, strlen(format));
    SHOW(found);
}

int main(int argc, char **argv)
{
    if (!strcmp(argv[0], "again"))
        return 0;
    keys();
    places();
    processes();
    rights();
    limits();
}
