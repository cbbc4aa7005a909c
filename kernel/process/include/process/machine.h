/* What uname(2) says of the machine; the node and domain names can be set. */
#pragma once
#include <base/types.h>

#define MACHINE_SYSTEM  "Linux"
#define MACHINE_RELEASE "6.1.0-skiff"
#define MACHINE_VERSION "#1 SMP Skiff"
#define MACHINE_CPU     "x86_64"
enum { MACHINE_NAME_MAX = 64 };

/* NUL-terminated copies, at most MACHINE_NAME_MAX bytes without the NUL. */
void machine_get_hostname(char to[MACHINE_NAME_MAX + 1]);
void machine_get_domain(char to[MACHINE_NAME_MAX + 1]);
int machine_set_hostname(const char *name, size_t len); /* -EINVAL: too long */
int machine_set_domain(const char *name, size_t len);
