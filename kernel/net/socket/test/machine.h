/* A network with loopback and one fake device, and calls as a program makes them. */
#pragma once
#include <arch/cpu.h>
#include <common/bytes.h>
#include <common/checked.h>
#include <fakes/clock.h>
#include <fakes/memory.h>
#include <fakes/netdev.h>
#include <fakes/sched.h>
#include <fakes/timer.h>
#include <fakes/user.h>
#include <file/poll.h>
#include <iface/iface.h>
#include <socket/net.h>
#include <socket/socket.h>
#include <string.h>
#include <test/test.h>
#include <unix/unix.h>

extern struct net *net;
extern struct fake_netdev device;
void start(void);
void stop(void);
struct file *make(int family, int type, int protocol); /* NULL: the test failed */
struct socket_address in4(uint32_t address, uint16_t port);
struct socket_address in6(const uint8_t address[16], uint16_t port);
struct socket_address un(const char *name, bool is_abstract);
ssize_t send_text(struct file *file, const char *text, unsigned flags);
/* NUL-terminated; size counts it. */
ssize_t receive_text(struct file *file, char *to, size_t size, unsigned flags);
uint16_t port_of(struct file *file);
/* Connected over loopback TCP: client, server; the listener is closed. */
void make_tcp_pair(struct file **client, struct file **server);
int set_int(struct file *file, int level, int name, int value);
int get_int(struct file *file, int level, int name);
