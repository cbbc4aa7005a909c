/* Directory entries of fw_cfg. */
#include <common/bytes.h>
#include <directory/directory.h>

bool fw_cfg_entry_match(const uint8_t bytes[FW_CFG_ENTRY_SIZE], const char *name, struct fw_cfg_entry *out)
{
    const uint8_t *own = bytes + 8;
    unsigned i = 0;
    while (i < FW_CFG_NAME_MAX && own[i] && own[i] == (uint8_t)name[i])
        i++;
    if (i == FW_CFG_NAME_MAX || own[i] || name[i])
        return false;
    out->size = load_be32(bytes);
    out->selector = load_be16(bytes + 4);
    return true;
}
