/* /sys: what programs ask of CPUs, huge pages, the clock and network devices. */
#pragma once
struct file_system;
int sysfs_create(struct file_system **out); /* mountable */
