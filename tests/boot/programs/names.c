/* What getaddrinfo says of names of /etc/hosts, of numbers and of a name that nobody has. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static int look_up(const char *name, int family)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = family}, *found;
    int err = getaddrinfo(name, "80", &hints, &found);
    if (err) {
        printf("%s: %s\n", name, gai_strerror(err));
        return 1;
    }
    for (struct addrinfo *at = found; at; at = at->ai_next) {
        char text[INET6_ADDRSTRLEN];
        const void *address = at->ai_family == AF_INET ? (const void *)&((struct sockaddr_in *)at->ai_addr)->sin_addr
                                                       : (const void *)&((struct sockaddr_in6 *)at->ai_addr)->sin6_addr;
        printf("%s %s\n", name, inet_ntop(at->ai_family, address, text, sizeof text));
    }
    freeaddrinfo(found);
    return 0;
}

int main(void)
{
    int failed = look_up("localhost", AF_INET) | look_up("localhost", AF_INET6) | look_up("127.0.0.1", AF_UNSPEC);
    return failed;
}
