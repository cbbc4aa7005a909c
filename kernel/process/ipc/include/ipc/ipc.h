/* Boot: hears of processes' ends from here on. */
#pragma once
void ipc_init(void);
