/* Private to mm: keeping the reserve of ALLOC_ATOMIC filled. */
#pragma once
#include <base/types.h>

/* The reserve was touched. Any context but hard interrupt, any lock. */
void refill_request(void);
/* Starts the thread; for shrinker_register, as before the first shrinker there is nothing to do. */
void refill_start(void);
/* Reclaims up to twice the reserve; false: nothing could be freed. */
bool refill_round(void);
