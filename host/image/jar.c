/* What a jar's manifest says (JAR File Specification, "JAR Manifest"; Spring Boot's executable jar format). */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "stage.h"

enum { MANIFEST_MAX = 1 << 20, ENTRIES_MAX = 1 << 20, BLOCK = 65536 };

bool jar_probe(const char *path)
{
    unsigned char magic[4];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, magic, sizeof magic);
    if (fd >= 0)
        close(fd);
    return n == sizeof magic && !memcmp(magic, "PK\3\4", 4);
}

/* The manifest's bytes, NUL-terminated; NULL: there is none. */
static struct error *read_manifest(const char *path, char **out)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    struct error *err = NULL;
    int result;
    *out = NULL;
    archive_read_support_format_zip(archive);
    if (archive_read_open_filename(archive, path, BLOCK) != ARCHIVE_OK)
        err = error_new("%s is not a readable jar: %s", path, archive_error_string(archive));
    for (unsigned n = 0; !err && !*out && n < ENTRIES_MAX; n++) {
        result = archive_read_next_header(archive, &entry);
        if (result == ARCHIVE_EOF)
            break;
        if (result < ARCHIVE_WARN) {
            err = error_hint(error_new("%s is a damaged jar: %s", path, archive_error_string(archive)),
                             "build or download it again");
            break;
        }
        const char *name = archive_entry_pathname(entry);
        if (!name || strcasecmp(name, "META-INF/MANIFEST.MF"))
            continue;
        char *text = xcalloc(MANIFEST_MAX + 1, 1);
        la_ssize_t len = archive_read_data(archive, text, MANIFEST_MAX);
        if (len < 0) {
            err = error_new("%s has a damaged manifest: %s", path, archive_error_string(archive));
            free(text);
        } else {
            text[len] = '\0';
            *out = text;
        }
    }
    archive_read_free(archive);
    return err;
}

/* Continuation lines begin with a space: joins them in place. */
static void unfold(char *text)
{
    char *to = text;
    for (char *from = text; *from; from++) {
        if (*from == '\r')
            continue;
        if (*from == '\n' && from[1] == ' ') {
            from++;
            continue;
        }
        *to++ = *from;
    }
    *to = '\0';
}

/* The value of an attribute of the main section; NULL. */
static char *attribute(const char *manifest, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = manifest; *line && *line != '\n';) {
        size_t end = strcspn(line, "\n");
        if (end > len && !strncasecmp(line, name, len) && line[len] == ':') {
            const char *value = line + len + 1 + strspn(line + len + 1, " ");
            return xstrndup(value, (size_t)(line + end - value));
        }
        line += end + (line[end] == '\n');
    }
    return NULL;
}

struct error *jar_read(const char *path, struct jar_info *out)
{
    char *manifest;
    struct error *err = read_manifest(path, &manifest);
    if (err)
        return err;
    *out = (struct jar_info){0};
    if (manifest) {
        unfold(manifest);
        out->main_class = attribute(manifest, "Main-Class");
        out->start_class = attribute(manifest, "Start-Class");
        out->class_path = attribute(manifest, "Class-Path");
        out->is_spring_boot =
            out->start_class && out->main_class && strstr(out->main_class, "org.springframework.boot.loader");
        free(manifest);
    }
    if (!out->main_class) {
        jar_free(out);
        return error_hint(
            error_new("%s has no Main-Class in its manifest, so nothing says what to start", path),
            "build an executable jar (for Maven: maven-jar-plugin with a mainClass, or spring-boot-maven-plugin)");
    }
    return NULL;
}

void jar_free(struct jar_info *info)
{
    free(info->main_class);
    free(info->start_class);
    free(info->class_path);
    *info = (struct jar_info){0};
}
