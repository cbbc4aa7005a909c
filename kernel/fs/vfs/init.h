/* What vfs_init calls. */
#pragma once
void open_init(void);
