#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <test/test.h>
#include <unistd.h>
#include <util/crc32c.h>
#include <util/file.h>
#include <util/workspace.h>

static char *below(const struct workspace *work, const char *name)
{
    return xprintf("%s/%s", work->path, name);
}

static bool fails_with(struct error *err, const char *words)
{
    bool has = err && strstr(err->text, words);
    error_free(err);
    return has;
}

TEST(paths_that_lead_up_are_known)
{
    EXPECT(path_leads_up(".."));
    EXPECT(path_leads_up("/app/../etc"));
    EXPECT(path_leads_up("/app/.."));
    EXPECT(path_leads_up("../x"));
    EXPECT(path_leads_up("a//..//b"));
    EXPECT(!path_leads_up("/app/..x/x../..."));
    EXPECT(!path_leads_up(""));
    EXPECT(!path_leads_up("/"));
}

TEST(files_are_written_read_and_copied)
{
    struct workspace work;
    REQUIRE(!workspace_create(NULL, &work));
    char *a = below(&work, "a"), *b = below(&work, "b"), *bytes;
    size_t len;
    EXPECT(!file_write(a, "x\0y", 3, 0750));
    EXPECT(!file_copy(a, b));
    REQUIRE(!file_read(b, 3, &bytes, &len));
    EXPECT_EQ(len, 3);
    EXPECT_BYTES(bytes, "x\0y", 4);
    struct stat s;
    EXPECT(!stat(b, &s) && (s.st_mode & 0777) == 0750);
    EXPECT(fails_with(file_read(b, 2, &bytes, &len), "larger than 2 bytes"));
    EXPECT(fails_with(file_read("/nonexistent/x", 2, &bytes, &len), "/nonexistent/x"));
    EXPECT(fails_with(file_copy(work.path, b), "not a regular file"));
    EXPECT(fails_with(file_copy(a, "/nonexistent/x"), "/nonexistent/x"));
    free(bytes);
    free(a);
    free(b);
    workspace_remove(&work);
}

TEST(files_are_not_written_through_links)
{
    struct workspace work;
    REQUIRE(!workspace_create(NULL, &work));
    char *target = below(&work, "target"), *link = below(&work, "link");
    EXPECT(!file_write(target, "safe", 4, 0600));
    EXPECT(!symlink(target, link));
    struct error *err = file_write(link, "bad", 3, 0600);
    EXPECT(err);
    error_free(err);
    free(target);
    free(link);
    workspace_remove(&work);
}

TEST(removal_does_not_follow_links)
{
    struct workspace work, other;
    REQUIRE(!workspace_create(NULL, &work));
    REQUIRE(!workspace_create(NULL, &other));
    char *kept = below(&other, "kept"), *link = below(&work, "link"), *deep = below(&work, "a/b/c/d");
    EXPECT(!file_write(kept, "x", 1, 0600));
    EXPECT(!symlink(other.path, link));
    EXPECT(!directory_make(deep, 0700));
    EXPECT(!chmod(deep, 0));
    char *gone = xstrdup(work.path);
    workspace_remove(&work);
    EXPECT(!path_exists(gone));
    EXPECT(path_exists(kept));
    free(gone);
    free(kept);
    free(link);
    free(deep);
    workspace_remove(&other);
}

static bool is_gone_soon(const char *path)
{
    for (unsigned i = 0; i < 500 && path_exists(path); i++)
        usleep(10000);
    return !path_exists(path);
}

/* A child makes a workspace, tells its path and is killed. We have none, so that it starts a helper of its own. */
static char *workspace_of_a_killed(void)
{
    int ends[2];
    char path[4096] = "";
    if (pipe(ends))
        return NULL;
    pid_t pid = fork();
    if (pid == 0) {
        struct workspace work;
        error_free(workspace_create(NULL, &work));
        if (write(ends[1], work.path, strlen(work.path)) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    close(ends[1]);
    if (read(ends[0], path, sizeof path - 1) < 0)
        path[0] = '\0';
    close(ends[0]);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return xstrdup(path);
}

TEST(workspace_of_a_killed_process_is_removed)
{
    char *path = workspace_of_a_killed();
    EXPECT(*path && is_gone_soon(path));
    free(path);
}

TEST(workspaces_nobody_holds_are_removed_by_the_next)
{
    struct workspace parent, next;
    REQUIRE(!workspace_create(NULL, &parent));
    char *forgotten = below(&parent, ".skiff-work-abcdef"), *file = below(&parent, ".skiff-work-abcdef/x"),
         *other = below(&parent, "other");
    EXPECT(!directory_make(forgotten, 0700));
    EXPECT(!file_write(file, "x", 1, 0600));
    EXPECT(!directory_make(other, 0700));
    REQUIRE(!workspace_create(parent.path, &next));
    EXPECT(!path_exists(forgotten));
    EXPECT(path_exists(other));
    struct workspace third;
    REQUIRE(!workspace_create(parent.path, &third));
    EXPECT(path_exists(next.path)); /* it is in use */
    workspace_remove(&third);
    workspace_remove(&next);
    free(forgotten);
    free(file);
    free(other);
    workspace_remove(&parent);
}

TEST(workspace_where_none_can_be_is_an_error)
{
    struct workspace work;
    EXPECT(fails_with(workspace_create("/nonexistent", &work), "/nonexistent"));
    EXPECT(fails_with(workspace_create("/proc", &work), "/proc"));
}

TEST(programs_that_fail_say_how)
{
    char *output = NULL;
    size_t len;
    char *echo[] = {(char *)"sh", (char *)"-c", (char *)"echo out; echo err >&2", NULL};
    REQUIRE(!program_run(echo, NULL, &output, &len));
    EXPECT_STR(output, "out\nerr\n");
    free(output);
    char *fail[] = {(char *)"sh", (char *)"-c", (char *)"echo because >&2; exit 3", NULL};
    EXPECT(fails_with(program_run(fail, NULL, NULL, NULL), "status 3): because"));
    char *killed[] = {(char *)"sh", (char *)"-c", (char *)"kill -9 $$", NULL};
    EXPECT(fails_with(program_run(killed, NULL, NULL, NULL), "137"));
    char *absent[] = {(char *)"no-such-program", NULL};
    EXPECT(fails_with(program_run(absent, NULL, NULL, NULL), "no-such-program is not installed"));
}

TEST(crc32c_of_known_bytes)
{
    static const char digits[] = "123456789";
    EXPECT_EQ(crc32c(0, digits, 9), 0xe3069283);
    EXPECT_EQ(crc32c(crc32c(0, digits, 4), digits + 4, 5), 0xe3069283);
    EXPECT_EQ(crc32c(0, "", 0), 0);
}
