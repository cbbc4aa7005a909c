/* The program's terminal: a driver gives bytes in and out; /dev/console and the tty of descriptors 0-2 stand on it. */
#pragma once
#include <base/types.h>

struct console_device;
struct console_device_ops {
    /* Takes up to n bytes, returns how many; 0 when full: client's `writable` is called later. Work or thread context. */
    size_t (*write)(struct console_device *device, const char *bytes, size_t n);
    /* Waits by spinning until all is out, for some milliseconds at most: whether it is. Any context, also when a CPU that
     * was stopped holds the device's lock. */
    bool (*drain)(struct console_device *device);
    /* Lets input come: at first when the client has set `received`, and whenever it has room again after it took less than
     * it was given. Before and in between the device keeps what arrives, and the host in the end keeps the rest. Any context
     * but hard interrupt; may call `received` before it returns. */
    void (*resume_input)(struct console_device *device);
};
struct console_device {
    const struct console_device_ops *ops;
    const char *name; /* "hvc0", "ttyS0" */
    void *client_data;
    /* Set by the client before the first resume_input. Returns how many bytes it took; less than n: it is full, and none come
     * until resume_input, then from the first one not taken. Work context, on one CPU at a time. */
    size_t (*received)(struct console_device *device, const char *bytes, size_t n);
    void (*writable)(struct console_device *device);
};
/* The last one registered that `console=` names, else the first of hvc0, ttyS0. NULL before any. */
void console_device_register(struct console_device *device);
struct console_device *console_device_default(void);
void console_device_prefer(const char *name);
