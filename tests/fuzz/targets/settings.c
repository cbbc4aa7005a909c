/* The machine's configuration and the kernel's command line. */
#include <settings/settings.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct settings settings;
    const char *what;
    settings_init(&settings);
    settings_add_records(&settings, (const char *)bytes, len, &what);
    char *line = malloc(len + 1);
    memcpy(line, bytes, len);
    line[len] = '\0';
    settings_add_command_line(&settings, line, &what);
    free(line);
    return 0;
}
