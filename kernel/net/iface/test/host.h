/* One stack with one fake device, and frames made and looked at by hand. */
#pragma once
#include <arch/cpu.h>
#include <fakes/clock.h>
#include <fakes/memory.h>
#include <fakes/netdev.h>
#include <fakes/sched.h>
#include <fakes/timer.h>
#include <iface/iface.h>
#include <test/test.h>

enum { FRAME_MAX = 2048 };
struct host {
    struct fake_netdev device;
    struct net_stack *stack;
    struct net_interface *iface;
};
extern const uint8_t own_mac[6], peer_mac[6];
void host_start(struct host *host);
void host_stop(struct host *host); /* also checks that nothing leaked */
/* Delivers an IP packet from the peer. */
void host_receive_ip(struct host *host, const struct ip_info *info, const void *payload, size_t len);
/* The next frame that was sent and is IP of that protocol; others are dropped. False: none. */
struct frame {
    uint8_t bytes[FRAME_MAX];
    size_t len;
    struct ip_info ip;
    const uint8_t *payload;
    size_t payload_len;
};
bool host_next(struct host *host, uint8_t protocol, struct frame *out);
void host_forget_sent(struct host *host);
struct ip_address address(const char *text);
