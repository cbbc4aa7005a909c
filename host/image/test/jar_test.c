/* Manifests, in jars that libarchive writes and in spoilt ones. */
#include <archive.h>
#include <archive_entry.h>
#include "../stage.h"
#include "helpers.h"

static char *make_jar(const char *manifest)
{
    char *path = work_path("x.jar");
    struct archive *jar = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    archive_write_set_format_zip(jar);
    archive_write_open_filename(jar, path);
    archive_entry_set_pathname(entry, "META-INF/MANIFEST.MF");
    archive_entry_set_filetype(entry, 0100000);
    archive_entry_set_size(entry, (la_int64_t)strlen(manifest));
    archive_write_header(jar, entry);
    archive_write_data(jar, manifest, strlen(manifest));
    archive_entry_free(entry);
    archive_write_close(jar);
    archive_write_free(jar);
    return path;
}

TEST(jar_manifests_are_unfolded)
{
    REQUIRE(!workspace_create(NULL, &work));
    char *path = make_jar("Manifest-Version: 1.0\r\nmain-class: org.example.a.very.lon\r\n g.name.Main\r\nClass-Path: "
                          "lib/a.jar \r\n lib/b.jar\r\n"
                          "\r\nName: x\r\nStart-Class: not.of.the.main.section\r\n");
    struct jar_info info;
    REQUIRE(!jar_read(path, &info));
    EXPECT_STR(info.main_class, "org.example.a.very.long.name.Main");
    EXPECT_STR(info.class_path, "lib/a.jar lib/b.jar");
    EXPECT(!info.start_class && !info.is_spring_boot);
    jar_free(&info);
    free(path);
    workspace_remove(&work);
}

TEST(jar_of_spring_boot_is_known)
{
    REQUIRE(!workspace_create(NULL, &work));
    char *path = make_jar("Main-Class: org.springframework.boot.loader.launch.JarLauncher\nStart-Class: a.B\n\n");
    struct jar_info info;
    EXPECT(jar_probe(path));
    REQUIRE(!jar_read(path, &info));
    EXPECT(info.is_spring_boot);
    EXPECT_STR(info.start_class, "a.B");
    jar_free(&info);
    free(path);
    workspace_remove(&work);
}

TEST(jar_without_a_main_class_is_refused)
{
    static const char *const manifests[] = {
        "", "\n", "Main-Classes: x\n", "Main-Class\n", "\nMain-Class: below.a.blank.Line\n", " Main-Class: x\n"};
    struct jar_info info;
    REQUIRE(!workspace_create(NULL, &work));
    for (size_t i = 0; i < sizeof manifests / sizeof *manifests; i++) {
        char *path = make_jar(manifests[i]);
        says(jar_read(path, &info), "Main-Class");
        free(path);
    }
    workspace_remove(&work);
}

TEST(jar_of_any_bytes)
{
    char *bytes;
    size_t len;
    REQUIRE(!workspace_create(NULL, &work));
    char *path = make_jar("Main-Class: a.B\nStart-Class: c\nClass-Path: a b c\n");
    REQUIRE(!file_read(path, 1 << 20, &bytes, &len));
    for (unsigned round = 0; round < 500; round++) {
        char *copy = xcalloc(len, 1);
        memcpy(copy, bytes, len);
        for (unsigned i = 0; i < 1 + round % 5; i++)
            copy[test_random() % len] = (char)test_random();
        REQUIRE(work_write("x.jar", copy, round % 3 ? len : test_random() % len));
        struct jar_info info;
        struct error *err = jar_read(path, &info);
        if (!err)
            jar_free(&info);
        error_free(err);
        free(copy);
    }
    free(bytes);
    free(path);
    workspace_remove(&work);
}
