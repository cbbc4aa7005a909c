/* UDP sockets on loopback: addresses, truncation, control messages, groups, errors. */
#include "show.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <net/if.h>

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int bound(struct sockaddr_in *name)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t len = sizeof *name;
    *name = loopback(0);
    bind(fd, (struct sockaddr *)name, sizeof *name);
    getsockname(fd, (struct sockaddr *)name, &len);
    return fd;
}

static void talk(void)
{
    struct sockaddr_in name_a, name_b, from;
    socklen_t len = sizeof from;
    char buf[32];
    int a = bound(&name_a), b = bound(&name_b), pending = -1;
    SHOW(sendto(a, "hello", 5, 0, (struct sockaddr *)&name_b, sizeof name_b));
    SHOW(ioctl(b, FIONREAD, &pending));
    SHOW(pending);
    SHOW(recvfrom(b, buf, 2, MSG_PEEK | MSG_TRUNC, (struct sockaddr *)&from, &len));
    SHOW(len);
    SHOW(from.sin_port == name_a.sin_port);
    struct iovec iov = {buf, 3};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
    SHOW(recvmsg(b, &header, 0));
    SHOW(header.msg_flags);
    SHOW(recv(b, buf, 1, MSG_DONTWAIT));
    SHOW(send(a, "x", 1, 0));
    SHOW(sendto(a, "", 0, 0, (struct sockaddr *)&name_b, sizeof name_b));
    struct pollfd p = {b, POLLIN | POLLOUT, 0};
    SHOW(poll(&p, 1, 1000));
    SHOW(p.revents);
    SHOW(recv(b, buf, sizeof buf, 0));
    SHOW(connect(b, (struct sockaddr *)&name_a, sizeof name_a));
    SHOW(send(b, "to a", 4, 0));
    SHOW(recv(a, buf, sizeof buf, 0));
    int c = socket(AF_INET, SOCK_DGRAM, 0);
    SHOW(sendto(c, "stranger", 8, 0, (struct sockaddr *)&name_b, sizeof name_b));
    usleep(5000);
    SHOW(recv(b, buf, sizeof buf, MSG_DONTWAIT) == -1);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    SHOW(recv(b, buf, sizeof buf, MSG_DONTWAIT) == -1);
    SHOW(connect(b, &none, sizeof none));
    SHOW(getpeername(b, (struct sockaddr *)&from, &len));
    close(a);
    close(b);
    close(c);
}

static void errors(void)
{
    struct sockaddr_in name, closed = loopback(1);
    static char big[70000];
    char buf[8];
    int fd = bound(&name);
    SHOW(sendto(fd, big, 65507, 0, (struct sockaddr *)&name, sizeof name));
    SHOW(sendto(fd, big, 65508, 0, (struct sockaddr *)&name, sizeof name));
    SHOW(recv(fd, big, sizeof big, 0));
    SHOW(connect(fd, (struct sockaddr *)&closed, sizeof closed));
    SHOW(send(fd, "x", 1, 0));
    usleep(10000);
    SHOW(recv(fd, buf, 8, MSG_DONTWAIT));
    SHOW(recv(fd, buf, 8, MSG_DONTWAIT));
    SHOW(bind(fd, (struct sockaddr *)&name, sizeof name));
    struct sockaddr_in all = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = 0xffffffff};
    int other = socket(AF_INET, SOCK_DGRAM, 0);
    SHOW(sendto(other, "x", 1, 0, (struct sockaddr *)&all, sizeof all));
    SHOW(sendto(other, "x", 1, MSG_OOB, (struct sockaddr *)&closed, sizeof closed));
    SHOW(listen(other, 1));
    SHOW(accept(other, NULL, NULL));
    closed.sin_port = 0;
    SHOW(sendto(other, "x", 1, 0, (struct sockaddr *)&closed, sizeof closed));
    SHOW(sendto(other, "x", 1, 0, (struct sockaddr *)&closed, 3));
    SHOW(shutdown(other, SHUT_RD));
    close(fd);
    close(other);
}

static void control(void)
{
    struct sockaddr_in name;
    char buf[16], space[256];
    int fd = bound(&name), sender = socket(AF_INET, SOCK_DGRAM, 0), on = 1, ttl = 9;
    SHOW(setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on));
    SHOW(setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof on));
    SHOW(setsockopt(sender, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl));
    SHOW(sendto(sender, "x", 1, 0, (struct sockaddr *)&name, sizeof name));
    struct iovec iov = {buf, sizeof buf};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    SHOW(recvmsg(fd, &header, 0));
    SHOW(header.msg_controllen);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
        SHOW(c->cmsg_level * 1000 + c->cmsg_type);
        SHOW(c->cmsg_len);
        if (c->cmsg_type == IP_TTL)
            SHOW(*(int *)CMSG_DATA(c));
        if (c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo *info = (void *)CMSG_DATA(c);
            SHOW(info->ipi_ifindex);
            SHOW(ntohl(info->ipi_addr.s_addr));
        }
    }
    struct mmsghdr many[3] = {0};
    struct iovec parts[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}};
    for (int i = 0; i < 3; i++)
        many[i].msg_hdr = (struct msghdr){.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &parts[i], .msg_iovlen = 1};
    SHOW(sendmmsg(sender, many, 3, 0));
    char into[3][8];
    for (int i = 0; i < 3; i++) {
        parts[i] = (struct iovec){into[i], 8};
        many[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
    }
    SHOW(recvmmsg(fd, many, 3, 0, NULL));
    SHOW(many[0].msg_len * 100 + many[1].msg_len * 10 + many[2].msg_len);
    close(fd);
    close(sender);
}

static void groups(void)
{
    char buf[8];
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(45678)}, group = any;
    struct ip_mreq request;
    inet_pton(AF_INET, "239.7.7.7", &group.sin_addr);
    request.imr_multiaddr = group.sin_addr;
    request.imr_interface.s_addr = htonl(INADDR_LOOPBACK);
    SHOW(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    SHOW(bind(fd, (struct sockaddr *)&any, sizeof any));
    SHOW(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request));
    SHOW(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request));
    SHOW(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request.imr_interface, sizeof request.imr_interface));
    SHOW(sendto(fd, "group", 5, 0, (struct sockaddr *)&group, sizeof group));
    SHOW(recv(fd, buf, sizeof buf, 0));
    SHOW(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &request, sizeof request));
    SHOW(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &request, sizeof request));
    unsigned char ttl = 5;
    int value = 0;
    socklen_t len = sizeof value;
    SHOW(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, 1));
    SHOW(getsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &value, &len));
    SHOW(value);
    len = 1;
    SHOW(getsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &value, &len));
    SHOW(len);
    close(fd);
}

static void six(void)
{
    int fd = socket(AF_INET6, SOCK_DGRAM, 0), four = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in6 any = {.sin6_family = AF_INET6}, from;
    socklen_t len = sizeof any;
    char buf[8], text[64];
    SHOW(bind(fd, (struct sockaddr *)&any, sizeof any));
    SHOW(getsockname(fd, (struct sockaddr *)&any, &len));
    struct sockaddr_in to = loopback(ntohs(any.sin6_port));
    SHOW(sendto(four, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
    SHOW(recvfrom(fd, buf, 8, 0, (struct sockaddr *)&from, &len));
    SHOW(len);
    puts(inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text));
    SHOW(sendto(fd, "yy", 2, 0, (struct sockaddr *)&from, sizeof from));
    SHOW(recv(four, buf, 8, 0));
    SHOW(bind(four, (struct sockaddr *)&any, sizeof any));
    close(fd);
    close(four);
}

int main(void)
{
    talk();
    errors();
    control();
    groups();
    six();
    return 0;
}
