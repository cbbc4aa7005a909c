/* What every image has whatever its program: directories, the links of a merged /usr, the files in /etc that the C
 * library reads. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "stage.h"

static struct error *stage_string(struct stage *stage, const char *text, const char *guest)
{
    return stage_text(stage, STAGE_LIBRARY, text, strlen(text), 0644, guest);
}

struct error *stage_base(struct stage *stage)
{
    static const struct {
        const char *path;
        mode_t mode;
    } directories[] = {
        {"/usr/bin", 0755},  {"/usr/sbin", 0755},  {"/usr/lib", 0755},     {"/usr/lib64", 0755}, {"/etc", 0755},
        {"/proc", 0555},     {"/sys", 0555},       {"/dev", 0755},         {"/tmp", 01777},      {"/run", 0755},
        {"/var/tmp", 01777}, {"/root", 0700},      {"/home", 0755},        {"/app", 0755},       {"/var/lib", 0755},
        {"/var/log", 0755},  {"/var/cache", 0755}, {"/usr/lib/ssl", 0755},
    };
    static const struct {
        const char *target, *path;
    } links[] = {
        {"usr/bin", "/bin"},
        {"usr/sbin", "/sbin"},
        {"usr/lib", "/lib"},
        {"usr/lib64", "/lib64"},
        {"/run", "/var/run"},
        {"/run/lock", "/var/lock"},
        {"/proc/net/pnp", "/etc/resolv.conf"},
        {"/proc/mounts", "/etc/mtab"},
        {"/usr/share/zoneinfo/Etc/UTC", "/etc/localtime"},
        {"/etc/ssl/certs", "/usr/lib/ssl/certs"},
        {"/etc/ssl/certs/ca-certificates.crt", "/usr/lib/ssl/cert.pem"},
    };
    static const char *const texts[][2] = {
        {"/etc/hostname", "skiff\n"},
        {"/etc/hosts", "127.0.0.1 localhost skiff\n::1 localhost ip6-localhost ip6-loopback\n"},
        {"/etc/host.conf", "multi on\n"},
        {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"},
        {"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
        {"/etc/group", "root:x:0:\nnogroup:x:65534:\n"},
        {"/etc/timezone", "Etc/UTC\n"},
        {"/etc/services",
         "ftp 21/tcp\nssh 22/tcp\nsmtp 25/tcp\ndomain 53/tcp\ndomain 53/udp\nhttp 80/tcp\npop3 110/tcp\nntp 123/udp\n"
         "imap2 143/tcp imap\nldap 389/tcp\nhttps 443/tcp\nhttps 443/udp\nsubmission 587/tcp\nldaps 636/tcp\n"
         "imaps 993/tcp\npop3s 995/tcp\nmysql 3306/tcp\npostgresql 5432/tcp\namqp 5672/tcp\nredis 6379/tcp\n"},
        {"/etc/protocols",
         "ip 0 IP\nicmp 1 ICMP\nigmp 2 IGMP\ntcp 6 TCP\nudp 17 UDP\nipv6 41 IPv6\nipv6-icmp 58 IPv6-ICMP\n"},
        {"/etc/os-release", "NAME=\"Skiff\"\nID=skiff\nID_LIKE=debian\nPRETTY_NAME=\"Skiff\"\nVERSION_ID=\"1\"\n"},
    };
    /* Whom this host trusts, its word for the time zone, and what the terminal can do. */
    static const char *const host_files[] = {
        "/etc/ssl/certs/ca-certificates.crt",
        "/usr/share/zoneinfo/Etc/UTC",
        "/lib/terminfo/l/linux",
        "/lib/terminfo/d/dumb",
    };
    struct error *err = NULL;
    for (size_t i = 0; !err && i < sizeof directories / sizeof *directories; i++)
        err = stage_directory(stage, directories[i].path, directories[i].mode);
    for (size_t i = 0; !err && i < sizeof links / sizeof *links; i++) {
        char *path = xprintf("%s%s", stage->root, links[i].path);
        if (symlink(links[i].target, path))
            err = error_errno("making the link %s", links[i].path);
        free(path);
    }
    for (size_t i = 0; !err && i < sizeof texts / sizeof *texts; i++)
        err = stage_string(stage, texts[i][1], texts[i][0]);
    for (size_t i = 0; !err && i < sizeof host_files / sizeof *host_files; i++)
        if (path_exists(host_files[i]))
            err = stage_file(stage, STAGE_LIBRARY, host_files[i], host_files[i]);
    if (!err && path_exists("/usr/lib/locale/C.utf8"))
        err = stage_tree(stage, STAGE_LIBRARY, "/usr/lib/locale/C.utf8", "/usr/lib/locale/C.utf8", NULL);
    return err;
}
