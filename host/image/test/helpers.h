/* A directory for a test's files, and errors as the tests look at them. */
#pragma once
#include <stdlib.h>
#include <string.h>
#include <test/test.h>
#include <util/file.h>
#include <util/workspace.h>

static struct workspace work;

__attribute__((unused)) static char *work_path(const char *name)
{
    return xprintf("%s/%s", work.path, name);
}

__attribute__((unused)) static bool work_write(const char *name, const void *bytes, size_t len)
{
    char *path = work_path(name);
    struct error *err = file_write(path, bytes, len, 0755);
    error_free(err);
    free(path);
    return !err;
}

/* Whether the error says these words; it is freed. */
__attribute__((unused)) static bool says(struct error *err, const char *words)
{
    bool does = err && strstr(err->text, words);
    if (!does)
        test_fail(__FILE__, __LINE__, "the error is \"%s\", expected \"%s\"", err ? err->text : "none", words);
    error_free(err);
    return does;
}
