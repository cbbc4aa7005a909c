/* The program's terminal: a driver gives bytes in and out; /dev/console and the tty of descriptors 0-2 stand on it. */
#pragma once
#include <base/types.h>

struct console_device;
struct console_device_ops {
    /* Takes up to n bytes, returns how many; 0 when full: client's `writable` is called later. Work or thread context. */
    size_t (*write)(struct console_device *device, const char *bytes, size_t n);
    /* Waits by spinning until all is out (power-off, panic). */
    void (*drain)(struct console_device *device);
};
struct console_device {
    const struct console_device_ops *ops;
    const char *name; /* "hvc0", "ttyS0" */
    void *client_data;
    void (*received)(struct console_device *device, const char *bytes, size_t n); /* set by the tty layer */
    void (*writable)(struct console_device *device);
};
/* The last one registered that `console=` names, else the first of hvc0, ttyS0. NULL before any. */
void console_device_register(struct console_device *device);
struct console_device *console_device_default(void);
void console_device_prefer(const char *name);
