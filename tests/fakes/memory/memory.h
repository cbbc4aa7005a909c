/* Shared by the two files: whether the next allocation may succeed. */
#pragma once
#include <fakes/memory.h>
bool fake_memory_may_allocate(void);
