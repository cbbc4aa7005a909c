/*
 * What an image was made of: a line a file or directory of the host with its identity, so that a kept image can be
 * known to be out of date without making it again. A directory's identity changes with the names in it.
 */
#pragma once
#include <stdbool.h>
#include <util/alloc.h>

void source_add(struct buffer *list, const char *path);
/* Whether all still are what they were. */
bool sources_are_current(const char *list, size_t len);
