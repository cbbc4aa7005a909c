/*
 * Headers on the wire: parsing (bytes in, struct out, no side effects; any bytes are safe) and building. Values in host
 * order. Lengths in bytes.
 */
#pragma once
#include <wire/address.h>

enum {
    ETHERNET_HEADER = 14, ARP_LEN = 28, IPV4_HEADER = 20, IPV6_HEADER = 40, UDP_HEADER = 8, TCP_HEADER = 20, ICMP_HEADER = 8,
    ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_ARP = 0x0806, ETHERTYPE_IPV6 = 0x86dd,
    PROTOCOL_ICMP = 1, PROTOCOL_IGMP = 2, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_FRAGMENT6 = 44, PROTOCOL_ICMP6 = 58,
};

struct ip_info {
    struct ip_address from, to;
    bool is_v4, more_fragments, dont_fragment, is_broadcast; /* is_broadcast: set by iface (link or IP broadcast) */
    uint8_t protocol, ttl, traffic_class;
    uint16_t header_len;      /* up to the payload, extension headers included */
    uint16_t payload_len;
    uint16_t fragment_offset; /* bytes */
    uint32_t fragment_id;
};
bool wire_parse_ip(const uint8_t *p, size_t len, size_t packet_len, struct ip_info *out); /* len: contiguous bytes */
/* Writes the header (20 or 40 bytes) for payload_len bytes of payload; IPv4 checksum included. */
void wire_build_ip(uint8_t *p, const struct ip_info *info);

struct arp_info {
    uint16_t operation; /* 1 request, 2 reply */
    uint8_t from_mac[6], to_mac[6];
    uint32_t from, to;
};
bool wire_parse_arp(const uint8_t *p, size_t len, struct arp_info *out);
void wire_build_arp(uint8_t p[ARP_LEN], const struct arp_info *info);

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32, TCP_ECE = 64, TCP_CWR = 128 };
struct sack_block {
    uint32_t start, end;
};
struct tcp_info_wire {
    uint16_t from_port, to_port, window, urgent;
    uint32_t seq, ack;
    uint8_t flags, header_len;
    bool has_mss, has_scale, has_timestamp, sack_permitted;
    uint8_t scale, sack_count;
    uint16_t mss;
    uint32_t timestamp, timestamp_echo;
    struct sack_block sack[4];
};
bool wire_parse_tcp(const uint8_t *p, size_t len, struct tcp_info_wire *out);
/* Header length with options (header_len is computed from the has_ fields); checksum field zero. */
unsigned wire_tcp_header_len(const struct tcp_info_wire *info);
void wire_build_tcp(uint8_t *p, const struct tcp_info_wire *info);

struct udp_info {
    uint16_t from_port, to_port, len, checksum;
};
bool wire_parse_udp(const uint8_t *p, size_t len, struct udp_info *out);

/* Internet checksum: fold(sum) of what checksum_add adds up; bytes of a part that starts at an odd offset are swapped by
 * the caller with checksum_shift. */
uint64_t checksum_add(uint64_t sum, const void *bytes, size_t len);
static inline uint16_t checksum_fold(uint64_t sum) /* the value to store, as it lies in memory */
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}
/* Pseudo header of both families. */
uint64_t checksum_pseudo(const struct ip_address *from, const struct ip_address *to, uint8_t protocol, uint32_t len);

/* DHCPv4 (RFC 2131): what we send and understand. Addresses in host order, 0: absent. */
enum { DHCP_DISCOVER = 1, DHCP_OFFER, DHCP_REQUEST, DHCP_DECLINE, DHCP_ACK, DHCP_NAK, DHCP_RELEASE };
struct dhcp_info {
    uint8_t type, client_mac[6];
    uint32_t transaction, client_address, your_address, server, requested, netmask, router, broadcast;
    uint32_t dns[3], lease_s, renew_s, rebind_s;
    uint16_t mtu, seconds;
    char hostname[64], domain[128];
};
bool wire_parse_dhcp(const uint8_t *p, size_t len, struct dhcp_info *out);
size_t wire_build_dhcp(uint8_t *p, size_t size, const struct dhcp_info *info); /* size >= 548 */
