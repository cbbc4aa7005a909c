/* The machine's network at boot. */
#pragma once
#include <settings/settings.h>
/* Makes the stack over all devices, hands it its configuration (DHCP on the first device unless said otherwise) and fills
 * /proc/net. Waits for nothing. */
void network_start(const struct settings *settings);
