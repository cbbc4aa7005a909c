/* Every header parser of the network on the same bytes; what is accepted must lie within them, and build again. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <wire/wire.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct ip_info ip;
    struct arp_info arp;
    struct tcp_info_wire tcp;
    struct udp_info udp;
    struct dhcp_info dhcp;
    uint8_t again[600];
    if (wire_parse_ip(bytes, len, len, &ip)) {
        assert((size_t)ip.header_len + ip.payload_len <= len);
        const uint8_t *payload = bytes + ip.header_len;
        if (ip.protocol == PROTOCOL_TCP && wire_parse_tcp(payload, ip.payload_len, &tcp))
            assert(tcp.header_len <= ip.payload_len && tcp.sack_count <= 4);
        if (ip.protocol == PROTOCOL_UDP && wire_parse_udp(payload, ip.payload_len, &udp))
            assert(udp.len <= ip.payload_len);
    }
    if (wire_parse_tcp(bytes, len, &tcp)) {
        assert(tcp.header_len <= len);
        unsigned built = wire_tcp_header_len(&tcp);
        assert(built <= 60);
        wire_build_tcp(again, &tcp);
    }
    if (wire_parse_arp(bytes, len, &arp))
        wire_build_arp(again, &arp);
    wire_parse_udp(bytes, len, &udp);
    if (wire_parse_dhcp(bytes, len, &dhcp)) {
        assert(memchr(dhcp.hostname, 0, sizeof dhcp.hostname) && memchr(dhcp.domain, 0, sizeof dhcp.domain));
        wire_build_dhcp(again, sizeof again, &dhcp);
    }
    struct ip_address address;
    char text[46];
    if (ip_parse((const char *)bytes, len, &address))
        ip_format(&address, text);
    return 0;
}
