/* Private to this module. */
#pragma once
#include <arch/cpu.h>
#include <sched/thread.h>
