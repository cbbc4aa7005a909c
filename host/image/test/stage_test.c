/* The staging tree: what goes where, and what must not. */
#include <sys/stat.h>
#include <unistd.h>
#include "../sources.h"
#include "../stage.h"
#include "helpers.h"

static struct stage stage;

static bool start(void)
{
    stage = (struct stage){0};
    struct error *err = workspace_create(NULL, &work);
    if (!err)
        err = stage_create(&stage);
    if (!err)
        err = stage_base(&stage);
    error_free(err);
    return !err && work_write("file", "ours", 4);
}

static void finish(void)
{
    stage_destroy(&stage);
    workspace_remove(&work);
}

static struct error *stage_ours(enum stage_part part, const char *guest)
{
    char *from = work_path("file");
    struct error *err = stage_file(&stage, part, from, guest);
    free(from);
    return err;
}

static bool is_ours(const char *below_root)
{
    char *path = xprintf("%s%s", stage.root, below_root), *bytes = NULL;
    size_t len;
    struct error *err = file_read(path, 100000, &bytes, &len);
    bool is = !err && !strcmp(bytes, "ours");
    error_free(err);
    free(bytes);
    free(path);
    return is;
}

TEST(stage_puts_files_behind_the_links_of_the_base)
{
    REQUIRE(start());
    EXPECT(!stage_ours(STAGE_LIBRARY, "/lib/x"));
    EXPECT(!stage_ours(STAGE_LIBRARY, "/bin/x"));
    EXPECT(!stage_ours(STAGE_LIBRARY, "/var/run/x"));
    EXPECT(is_ours("/usr/lib/x"));
    EXPECT(is_ours("/usr/bin/x"));
    EXPECT(is_ours("/run/x"));
    EXPECT(!path_exists("/run/x"));
    EXPECT(stage_has(&stage, "/lib/x"));
    finish();
}

TEST(stage_keeps_the_first_library_but_the_application_has_the_last_word)
{
    REQUIRE(start());
    EXPECT(!stage_ours(STAGE_LIBRARY, "/etc/hosts"));
    EXPECT(!is_ours("/etc/hosts"));
    EXPECT(!stage_ours(STAGE_APPLICATION, "/etc/hosts"));
    EXPECT(is_ours("/etc/hosts"));
    finish();
}

TEST(stage_does_not_follow_links_out_of_the_tree)
{
    REQUIRE(start());
    char *planted = work_path("planted");
    EXPECT(!stage_symlink(&stage, work.path, "/app/away"));
    EXPECT(!stage_symlink(&stage, "../../../../../../../../../../../../tmp", "/app/up"));
    says(stage_ours(STAGE_APPLICATION, "/app/away/planted"), "leads out");
    says(stage_ours(STAGE_APPLICATION, "/app/away/deeper/planted"), "leads out");
    says(stage_ours(STAGE_APPLICATION, "/app/up/planted"), "leads out");
    says(stage_text(&stage, STAGE_LIBRARY, "x", 1, 0644, "/app/away/planted"), "leads out");
    says(stage_directory(&stage, "/app/away/planted", 0755), "leads out");
    says(stage_symlink(&stage, "x", "/app/away/planted"), "leads out");
    EXPECT(!path_exists(planted));
    EXPECT(!stage_symlink(&stage, "../etc", "/app/within"));
    EXPECT(!stage_ours(STAGE_APPLICATION, "/app/within/x"));
    EXPECT(is_ours("/etc/x"));
    free(planted);
    finish();
}

TEST(stage_of_a_file_in_the_place_of_a_link_replaces_the_link)
{
    REQUIRE(start());
    char *target = work_path("target");
    REQUIRE(work_write("target", "theirs", 6));
    EXPECT(!stage_symlink(&stage, target, "/app/link"));
    EXPECT(!stage_ours(STAGE_APPLICATION, "/app/link"));
    EXPECT(is_ours("/app/link"));
    char *bytes;
    size_t len;
    REQUIRE(!file_read(target, 100, &bytes, &len));
    EXPECT_STR(bytes, "theirs");
    free(bytes);
    free(target);
    finish();
}

TEST(sources_are_current_until_one_changes)
{
    struct buffer list = {0};
    REQUIRE(!workspace_create(NULL, &work));
    REQUIRE(work_write("a", "1", 1));
    char *a = work_path("a"), *absent = work_path("absent");
    source_add(&list, a);
    source_add(&list, absent);
    source_add(&list, work.path);
    EXPECT(sources_are_current(list.bytes, list.len));
    EXPECT(!sources_are_current(list.bytes, list.len - 1)); /* cut short */
    EXPECT(sources_are_current("", 0));
    REQUIRE(work_write("a", "12", 2));
    EXPECT(!sources_are_current(list.bytes, list.len));
    list.len = 0;
    source_add(&list, a);
    source_add(&list, absent);
    REQUIRE(work_write("absent", "", 0));
    EXPECT(!sources_are_current(list.bytes, list.len));
    buffer_free(&list);
    free(a);
    free(absent);
    workspace_remove(&work);
}
