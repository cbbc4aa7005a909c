/* Small parsers of what a host says: fw_cfg's directory, the control channel's lines, virtio_mmio words. */
#include <assert.h>
#include <directory/directory.h>
#include <line/line.h>
#include <stdlib.h>
#include <string.h>
#include "../../../kernel/drivers/virtio/command_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fw_cfg_entry entry;
    if (len >= FW_CFG_ENTRY_SIZE)
        fw_cfg_entry_match(bytes, "opt/org.skiff/config", &entry);
    char buffer[64];
    struct line_splitter splitter = {.buffer = buffer, .size = sizeof buffer};
    for (size_t i = 0; i < len; i++) {
        const char *line = line_add(&splitter, (char)bytes[i]);
        assert(!line || strlen(line) < sizeof buffer);
    }
    char *text = malloc(len + 1);
    memcpy(text, bytes, len);
    text[len] = '\0';
    struct virtio_mmio_word word;
    const char *at = text;
    while (virtio_mmio_next_word(&at, &word))
        assert(at > text && at <= text + len);
    free(text);
    return 0;
}
