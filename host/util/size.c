/* Sizes as people write them; see util/size.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <util/size.h>

bool size_parse_mib(const char *text, unsigned *mib)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long long value = strtoull(text, &end, 10);
    if (value > UINT64_C(1) << 44)
        return false;
    if (!strcasecmp(end, "k") || !strcasecmp(end, "kb") || !strcasecmp(end, "kib"))
        value >>= 10;
    else if (!strcasecmp(end, "g") || !strcasecmp(end, "gb") || !strcasecmp(end, "gib"))
        value <<= 10;
    else if (!*end && value >= 1 << 20)
        value >>= 20;
    else if (*end && strcasecmp(end, "m") && strcasecmp(end, "mb") && strcasecmp(end, "mib"))
        return false;
    if (!value || value > 1 << 24)
        return false;
    *mib = (unsigned)value;
    return true;
}
