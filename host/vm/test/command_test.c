#include <stdlib.h>
#include <string.h>
#include <test/test.h>
#include <vm/vm.h>

static struct strings command;

static const char *option(const char *name)
{
    for (size_t i = 0; i + 1 < command.count; i++)
        if (!strcmp(command.items[i], name))
            return command.items[i + 1];
    return "";
}

static bool has(const char *name, const char *value)
{
    for (size_t i = 0; i + 1 < command.count; i++)
        if (!strcmp(command.items[i], name) && !strcmp(command.items[i + 1], value))
            return true;
    return false;
}

static struct vm_options base(void)
{
    return (struct vm_options){
        .qemu = "qemu", .kernel = "/k", .image = "/i", .memory_mib = 64, .vcpus = 2, .accel = VM_ACCEL_TCG};
}

static bool make(const struct vm_options *options, const struct vm_channels *channels)
{
    strings_free(&command);
    struct error *err = vm_command(options, channels, &command);
    error_free(err);
    return !err;
}

static const struct vm_channels none = {-1, -1, -1, -1}, some = {10, 11, 12, 13};

TEST(command_of_the_smallest_machine)
{
    struct vm_options o = base();
    REQUIRE(make(&o, &some));
    EXPECT_STR(command.items[0], "qemu");
    EXPECT_STR(option("-m"), "64M");
    EXPECT_STR(option("-smp"), "2");
    EXPECT_STR(option("-kernel"), "/k");
    EXPECT_STR(option("-append"), "console=hvc0");
    EXPECT(strstr(option("-accel"), "tcg"));
    EXPECT(strstr(option("-M"), "microvm"));
    EXPECT(has("-chardev", "socket,id=console,fd=10"));
    EXPECT(has("-fw_cfg", "name=opt/org.skiff/config,file=/proc/self/fd/13"));
    EXPECT(has("-device", "virtio-blk-device,drive=root"));
}

TEST(command_of_q35_has_pci_devices)
{
    struct vm_options o = base();
    o.machine = VM_Q35;
    REQUIRE(make(&o, &some));
    EXPECT(strstr(option("-M"), "q35"));
    EXPECT(has("-device", "virtio-blk-pci-non-transitional,drive=root"));
}

TEST(command_doubles_commas_in_names)
{
    struct vm_options o = base();
    o.image = "/a,readonly=off";
    o.network = "tap:t,script=/x";
    REQUIRE(make(&o, &some));
    EXPECT(strstr(option("-drive"), "file=/a,,readonly=off"));
    EXPECT(strstr(option("-netdev"), "ifname=t,,script=/x,script=no"));
}

TEST(command_forwards_bind_to_this_host_alone)
{
    struct vm_options o = base();
    struct vm_forward forwards[] = {{NULL, 8080, 80, false}, {(char *)"0.0.0.0", 53, 5353, true}};
    o.forwards = forwards;
    o.forward_count = 2;
    REQUIRE(make(&o, &some));
    EXPECT_STR(option("-netdev"), "user,id=net0,hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=udp:0.0.0.0:53-:5353");
    o.network = "none";
    REQUIRE(make(&o, &some));
    EXPECT_STR(option("-netdev"), "");
}

TEST(command_for_a_shell_quotes_the_configuration)
{
    struct vm_options o = base();
    static const char records[] = "arg=a'b\\\"$x\0env=A=\n";
    o.config = (struct buffer){(char *)records, sizeof records, sizeof records};
    REQUIRE(make(&o, &none));
    EXPECT_STR(option("-fw_cfg"),
               "name=opt/org.skiff/config,file=<(printf '%b' 'arg=a\\0047b\\0134\"$x\\0000env=A=\\0012\\0000')");
    o.config.len = 0;
    REQUIRE(make(&o, &none));
    EXPECT_STR(option("-fw_cfg"), "");
}
