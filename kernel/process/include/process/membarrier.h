/* Memory barriers on all CPUs. */
#pragma once

/* Returns when every CPU has passed a full barrier since the call; may sleep. -ENOMEM. */
int process_synchronize_cpus(void);
