/* System V message queues: choosing by type, sizes, a full queue, waiting, control, removal. */
#include "show.h"
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <grp.h>
#include <unistd.h>

enum { KEY = 0x5c1ff003 };
static struct msqid_ds ds;
static struct {
    long type;
    char text[9000];
} message;
static int id;

static long put(long type, const char *text, int flags)
{
    message.type = type;
    strcpy(message.text, text);
    return msgsnd(id, &message, strlen(text), flags);
}

static void get(long type, size_t size, int flags)
{
    memset(&message, 0, sizeof message);
    errno = 0;
    long n = msgrcv(id, &message, size, type, flags);
    printf("msgrcv(%ld, %zu, %o) = %ld %ld %s %s\n", type, size, flags, n, message.type, message.text,
           n < 0 ? strerrorname_np(errno) : "");
}

static void choosing(void)
{
    SHOW(msgget(KEY, 0));
    id = msgget(KEY, IPC_CREAT | IPC_EXCL | 0640);
    SHOW(id >= 0);
    SHOW(msgget(KEY, IPC_CREAT | IPC_EXCL));
    SHOW(msgget(KEY, 0) == id);
    get(0, 10, IPC_NOWAIT);
    SHOW(put(3, "three", 0));
    SHOW(put(2, "two", 0));
    SHOW(put(4, "four", 0));
    SHOW(put(2, "two again", 0));
    SHOW(put(9, "", 0));
    SHOW(msgctl(id, IPC_STAT, &ds));
    SHOW(ds.msg_qnum);
    SHOW(ds.__msg_cbytes);
    SHOW(ds.msg_qbytes);
    SHOW(ds.msg_lspid == getpid());
    SHOW(ds.msg_lrpid);
    SHOW(ds.msg_stime != 0);
    SHOW(ds.msg_rtime);
    get(4, 3, IPC_NOWAIT);
    get(4, 3, IPC_NOWAIT | MSG_NOERROR);
    get(-3, 20, 0);
    get(-1, 20, IPC_NOWAIT);
    get(3, 20, MSG_EXCEPT);
    get(0, 20, 0);
    get(LONG_MIN, 20, 0);
    get(0, 20, IPC_NOWAIT);
}

static void copying(void)
{
    SHOW(put(3, "three", 0));
    SHOW(put(2, "two", 0));
    get(0, 20, MSG_COPY | IPC_NOWAIT);
    get(1, 20, MSG_COPY | IPC_NOWAIT);
    get(2, 20, MSG_COPY | IPC_NOWAIT);
    get(-1, 20, MSG_COPY | IPC_NOWAIT);
    get(0, 3, MSG_COPY | IPC_NOWAIT);
    get(0, 3, MSG_COPY | IPC_NOWAIT | MSG_NOERROR);
    get(0, 20, MSG_COPY);
    get(0, 20, MSG_COPY | IPC_NOWAIT | MSG_EXCEPT);
    SHOW(msgctl(id, IPC_STAT, &ds));
    SHOW(ds.msg_qnum);
    get(0, 20, 0);
    get(0, 20, 0);
}

static void wrong(void)
{
    SHOW(put(0, "x", 0));
    SHOW(put(-1, "x", 0));
    message.type = 1;
    SHOW(msgsnd(id, &message, 8193, 0));
    SHOW(msgsnd(id, &message, (size_t)-1, 0));
    SHOW(msgsnd(id, (void *)8, 1, 0));
    SHOW(msgsnd(-1, &message, 1, 0));
    SHOW(msgsnd(id + 1, &message, 1, 0));
    SHOW(msgrcv(id, &message, (size_t)-1, 0, IPC_NOWAIT));
    SHOW(msgrcv(-1, &message, 1, 0, IPC_NOWAIT));
    SHOW(put(1, "gone", 0));
    SHOW(msgrcv(id, (void *)8, 10, 0, IPC_NOWAIT));
    SHOW(msgrcv(id, &message, 10, 0, IPC_NOWAIT));
    SHOW(msgctl(id, 99, &ds));
    SHOW(msgctl(id, IPC_STAT, (void *)8));
}

static void on_alarm(int number)
{
}

static void full(void)
{
    int status;
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    message.type = 1;
    SHOW(msgsnd(id, &message, 8192, 0));
    SHOW(msgsnd(id, &message, 8192, 0));
    SHOW(msgsnd(id, &message, 1, IPC_NOWAIT));
    SHOW(msgsnd(id, &message, 0, IPC_NOWAIT));
    ualarm(30000, 30000); /* again, should the first come too early */
    SHOW(msgsnd(id, &message, 1, 0));
    ualarm(0, 0);
    fflush(stdout);
    if (fork() == 0)
        _exit(msgsnd(id, &message, 5, 0) != 0);
    usleep(30000);
    SHOW(msgrcv(id, &message, 8192, 0, 0));
    SHOW(wait(&status) > 0);
    SHOW(status);
    SHOW(msgctl(id, IPC_STAT, &ds));
    SHOW(ds.msg_qnum);
    SHOW(ds.__msg_cbytes);
    ds.msg_qbytes = 100;
    SHOW(msgctl(id, IPC_SET, &ds));
    while (msgrcv(id, &message, 8192, 0, IPC_NOWAIT) >= 0)
        ;
    SHOW(msgsnd(id, &message, 101, IPC_NOWAIT));
    SHOW(msgsnd(id, &message, 100, IPC_NOWAIT));
    SHOW(msgrcv(id, &message, 8192, 0, IPC_NOWAIT));
}

static void waiting(void)
{
    int status;
    fflush(stdout);
    if (fork() == 0) {
        get(7, 100, 0);
        exit(0);
    }
    usleep(30000);
    SHOW(put(6, "not this", 0));
    fflush(stdout);
    long sent = put(7, "this", 0);
    SHOW(wait(&status) > 0);
    SHOW(sent);
    get(0, 100, 0);
    ualarm(30000, 30000); /* again, should the first come too early */
    get(0, 100, 0);
    ualarm(0, 0);
    fflush(stdout);
    if (fork() == 0) {
        get(7, 100, 0);
        exit(0);
    }
    usleep(30000);
    int removed = msgctl(id, IPC_RMID, NULL);
    SHOW(wait(&status) > 0);
    SHOW(removed);
    SHOW(msgctl(id, IPC_RMID, NULL));
    SHOW(msgsnd(id, &message, 1, 0));
}

static void rights(void)
{
    int status;
    id = msgget(KEY, IPC_CREAT | 0604);
    put(1, "x", 0);
    fflush(stdout);
    if (fork() == 0) {
        SHOW(setgroups(0, NULL));
        SHOW(setgid(4242));
        SHOW(setuid(4242));
        SHOW(put(1, "x", 0));
        get(0, 10, 0);
        SHOW(msgctl(id, IPC_STAT, &ds));
        SHOW(msgctl(id, IPC_SET, &ds));
        SHOW(msgctl(id, IPC_RMID, NULL));
        exit(0);
    }
    SHOW(wait(&status) > 0);
    struct msginfo info;
    SHOW(msgctl(0, IPC_INFO, (struct msqid_ds *)&info) >= 0);
    SHOW(info.msgmax);
    SHOW(info.msgmnb);
    SHOW(info.msgmni);
    SHOW(info.msgssz);
    int highest = msgctl(0, MSG_INFO, (struct msqid_ds *)&info), found = 0;
    SHOW(info.msgpool >= 1);
    for (int i = 0; i <= highest; i++)
        found += msgctl(i, MSG_STAT, &ds) == id;
    SHOW(found);
    SHOW(msgctl(id, IPC_RMID, NULL));
}

int main(void)
{
    choosing();
    copying();
    wrong();
    full();
    waiting();
    rights();
}
