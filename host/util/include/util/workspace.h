/*
 * Temporary directories that do not outlive their makers. However this process ends, SIGKILL included, a helper process
 * that watches it removes them; should that be killed as well, the next workspace made in the same place does.
 */
#pragma once
#include <util/error.h>

struct workspace {
    char *path; /* absolute; mode 0700; NULL: none */
    int lock;   /* held while the directory is in use */
};
/* Makes a directory in `parent`; NULL: $TMPDIR or /tmp. Programs that this process starts may use it as well. */
struct error *workspace_create(const char *parent, struct workspace *out);
void workspace_remove(struct workspace *workspace); /* with all that is in it */
