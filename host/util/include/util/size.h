/* Sizes as people write them. */
#pragma once
#include <stdbool.h>
/* "512M", "2G", "512MiB", "536870912" (bytes) or "512" (MiB): false when it is none of these or is 0 or above 16 TiB.
 */
bool size_parse_mib(const char *text, unsigned *mib);
