/*
 * The cache of images. One has its name from where its source is and how it is to be built, and beside it a file that
 * tells these and the state of all that went in (sources.h). So a changed source takes its old image's place.
 */
#include <errno.h>
#include <fcntl.h>
#include <image/image.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "sources.h"
#include "stage.h"

enum { FORMAT = 4 }; /* of what goes into images: another one makes old ones invalid */

static void add_words(struct buffer *key, const struct strings *words)
{
    for (size_t i = 0; i < words->count; i++)
        buffer_add(key, words->items[i], strlen(words->items[i]) + 1);
    buffer_add(key, "\n", 2);
}

static struct error *make_key(const struct image_options *o, struct buffer *key)
{
    static const char *const variables[] = {"PATH", "JAVA_HOME", "LD_LIBRARY_PATH"};
    char *real = realpath(o->source, NULL);
    if (!real)
        return error_status(error_errno("%s", o->source), errno == ENOENT ? 127 : 126);
    char *line = xprintf("format %d whole %d memory %u cwd %s of %s", FORMAT, o->whole_runtime, o->memory_mib,
                         o->working_directory ? o->working_directory : "", real);
    buffer_add(key, line, strlen(line) + 1);
    free(line);
    free(real);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        buffer_add(key, value ? value : "", value ? strlen(value) + 1 : 1);
    }
    add_words(key, &o->arguments);
    add_words(key, &o->environment);
    return NULL;
}

static bool is_cached(const char *image, const char *key_path, const struct buffer *key)
{
    char *bytes;
    size_t len;
    struct error *err = file_read(key_path, 64 << 20, &bytes, &len);
    if (err) {
        error_free(err);
        return false;
    }
    bool is = len > key->len && !memcmp(bytes, key->bytes, key->len) &&
              sources_are_current(bytes + key->len, len - key->len) && image_is_image(image);
    free(bytes);
    return is;
}

/* FNV-1a. The key itself is compared, so a clash only rebuilds. */
static uint64_t hash_of(const struct buffer *key)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < key->len; i++)
        hash = (hash ^ (unsigned char)key->bytes[i]) * 0x100000001b3;
    return hash;
}

static struct error *build_or_find(const struct image_options *o, const struct buffer *key, const char *stem,
                                   char **path, struct image_info *info)
{
    char *image = xprintf("%s.img", stem), *key_path = xprintf("%s.key", stem), *lock_path = xprintf("%s.lock", stem);
    struct buffer content = {0};
    struct error *err = NULL;
    int lock =
        open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* two builds of the same: the second finds the first's */
    if (lock < 0 || flock(lock, LOCK_EX))
        err = error_errno("locking %s", lock_path);
    *info = (struct image_info){0};
    if (!err && !is_cached(image, key_path, key)) {
        buffer_add(&content, key->bytes, key->len);
        unlink(key_path);
        err = image_build_noting(o, image, info, &content);
        if (!err)
            err = file_write(key_path, content.bytes, content.len, 0600);
    }
    if (lock >= 0)
        close(lock);
    buffer_free(&content);
    free(key_path);
    free(lock_path);
    if (err)
        free(image);
    else
        *path = image;
    return err;
}

struct error *image_build_cached(const struct image_options *o, char **path, struct image_info *info)
{
    struct buffer key = {0};
    char *cache = NULL;
    struct error *err = make_key(o, &key);
    if (!err)
        err = cache_directory("images", &cache);
    if (!err) {
        char *stem = xprintf("%s/%016llx", cache, (unsigned long long)hash_of(&key));
        err = build_or_find(o, &key, stem, path, info);
        free(stem);
    }
    free(cache);
    buffer_free(&key);
    return err;
}
