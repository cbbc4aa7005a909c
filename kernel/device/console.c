/* The registry of consoles. Written at boot only; read without a lock afterwards. */
#include <base/log.h>
#include <base/string.h>
#include <device/console.h>

enum { CONSOLE_MAX = 8 };
static struct console_device *consoles[CONSOLE_MAX];
static unsigned console_count;
static char preferred[16];

void console_device_register(struct console_device *device)
{
    if (console_count == CONSOLE_MAX)
        log_warning("console %s: too many consoles, ignored", device->name);
    else
        consoles[console_count++] = device;
}

void console_device_prefer(const char *name)
{
    snprintf(preferred, sizeof preferred, "%s", name);
}

static struct console_device *find(const char *name)
{
    for (unsigned i = console_count; i-- > 0;)
        if (!strcmp(consoles[i]->name, name))
            return consoles[i];
    return NULL;
}

struct console_device *console_device_default(void)
{
    const char *order[] = {preferred, "hvc0", "ttyS0"};
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++) {
        struct console_device *device = find(order[i]);
        if (device)
            return device;
    }
    return console_count ? consoles[0] : NULL;
}
