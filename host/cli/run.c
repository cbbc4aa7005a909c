/* skiff run. */
#include <contract/config.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <util/file.h>
#include "run_options.h"

enum { MEMORY_LEAST_MIB = 8, MEMORY_LEAST_JVM_MIB = 64, LONG_BUILD_MS = 1000 };

static struct error *find_image(struct run *run, char **path, struct image_info *info)
{
    long long start_ms = cli_now_ms();
    struct stat s;
    if (stat(run->image.source, &s))
        return error_status(error_errno("%s", run->image.source), errno == ENOENT ? 127 : 126);
    if (S_ISREG(s.st_mode) && image_is_image(run->image.source)) {
        *path = realpath(run->image.source, NULL);
        return *path ? image_check(*path, info) : error_errno("%s", run->image.source);
    }
    struct error *err = image_build_cached(&run->image, path, info);
    if (err)
        return err;
    if (info->size && (run->vm.verbose || cli_now_ms() - start_ms >= LONG_BUILD_MS))
        print_build(*path, info, cli_now_ms() - start_ms);
    return info->size ? NULL : image_read_trailer(*path, info);
}

/* ports, memory and CPUs that a project's skiff.yaml asks for and the command line does not say. */
static struct error *apply_project(struct run *run)
{
    struct stat s;
    if (stat(run->image.source, &s) || !S_ISDIR(s.st_mode))
        return NULL;
    struct image_options unused = {.source = run->image.source};
    struct project project = {0};
    struct strings files = {0};
    char *program = NULL, *runtime = NULL;
    struct error *err = project_read(run->image.source, &unused, &project, &files, &program, &runtime);
    bool takes_ports = !run->vm.forward_count;
    for (size_t i = 0; !err && takes_ports && i < project.ports.count; i++) {
        err = run_add_forward(&run->vm, project.ports.items[i]);
        if (err)
            err = error_context(err, "%s/skiff.yaml: ports", run->image.source);
    }
    if (!err && project.cpus && !run->cpus_given) {
        run->vm.vcpus = project.cpus;
        run->cpus_given = true;
    }
    strings_free(&project.ports);
    strings_free(&files);
    strings_free(&unused.arguments);
    strings_free(&unused.environment);
    free(program);
    free(runtime);
    return err;
}

static void print_shell_word(const char *word)
{
    bool is_plain = *word && !word[strcspn(word, " \t\n\"'$\\`&|;<>()*?[]#~!{}")];
    /* The process substitution of vm_command() stays as bash wants it. */
    if (is_plain || !strncmp(word, "name=opt/org.skiff/config,file=<(", 33)) {
        printf("%s", word);
        return;
    }
    putchar('\'');
    for (; *word; word++)
        *word == '\'' ? (void)printf("'\\''") : (void)putchar(*word);
    putchar('\'');
}

static struct error *print_command(const struct vm_options *vm)
{
    struct vm_channels none = {-1, -1, -1, -1};
    struct strings command = {0};
    struct error *err = vm_command(vm, &none, &command);
    for (size_t i = 0; !err && i < command.count; i++) {
        print_shell_word(command.items[i]);
        putchar(i + 1 < command.count ? ' ' : '\n');
    }
    strings_free(&command);
    return err;
}

/* What fits into little memory depends on the program, so it is tried; but nobody should have to guess why it ends. */
static void warn_of_little_memory(const struct vm_options *vm, const char *runtime)
{
    if (!strncmp(runtime, "jvm", 3) && vm->memory_mib < MEMORY_LEAST_JVM_MIB)
        fprintf(stderr,
                "skiff: -m %uM is little for a JVM, which needs about %dM before it runs anything: expect it to run "
                "out of memory\n",
                vm->memory_mib, MEMORY_LEAST_JVM_MIB);
}

static struct error *check_network(const struct vm_options *vm)
{
    if (vm->network && vm->forward_count)
        return error_hint(
            error_new("-p forwards ports of user networking, and --network %s is another", vm->network), "%s",
            strcmp(vm->network, "none") ? "reach the machine by its own address" : "leave one of the two out");
    return vm_check_ports(vm);
}

static struct error *check_memory(const struct vm_options *vm)
{
    if (vm->memory_mib >= MEMORY_LEAST_MIB)
        return NULL;
    return error_hint(
        error_new("%uM of memory is too little: the smallest machine has %dM", vm->memory_mib, MEMORY_LEAST_MIB),
        "leave -m out to get what the image asks for, or see memory in skiff.yaml");
}

static struct error *check_host(const struct vm_options *vm)
{
    enum vm_accel accel;
    const char *why;
    char *qemu = program_find(vm->qemu);
    if (!qemu)
        return error_hint(error_new("QEMU (%s) is not installed", vm->qemu), "apt install qemu-system-x86");
    free(qemu);
    struct error *err = vm_choose_accel(vm->accel, &accel, &why);
    if (!err && why && vm->verbose)
        fprintf(stderr, "skiff: running without KVM: %s\n", why);
    if (!err && vm->memory_mib)
        err = check_memory(vm);
    if (!err && vm->config.len > SKIFF_CONFIG_MAX)
        err = error_new("arguments and environment take %zu bytes, more than the %d that a machine can be given",
                        vm->config.len, SKIFF_CONFIG_MAX);
    return err ? err : check_network(vm);
}

struct error *verb_run(int argc, char **argv, int *status)
{
    struct run run = {.vm = {.qemu = "qemu-system-x86_64"}};
    struct image_info info = {0};
    char *kernel = NULL, *image = NULL;
    struct error *err = run_parse_options(&run, argc, argv);
    if (err)
        return err;
    if (run.help) {
        print_usage(verb_find("run"));
        return NULL;
    }
    run.image.source = argv[optind];
    for (int i = optind + 1; i < argc; i++)
        run_add_record(&run, "arg", argv[i]);
    err = find_kernel(&kernel);
    if (!err)
        err = apply_project(&run);
    if (!err)
        err = check_host(&run.vm);
    if (!err)
        err = find_image(&run, &image, &info);
    if (err)
        return err;
    run.vm.kernel = kernel;
    run.vm.image = image;
    if (!run.vm.memory_mib)
        run.vm.memory_mib = info.memory_mib ? info.memory_mib : 512;
    if (!run.cpus_given)
        run.vm.vcpus = !strncmp(info.runtime, "jvm", 3) ? 2 : 1;
    run.vm.rewrites_code = !strncmp(info.runtime, "jvm", 3);
    warn_of_little_memory(&run.vm, info.runtime);
    err = check_memory(&run.vm);
    if (!err)
        err = run.dry_run ? print_command(&run.vm) : vm_run(&run.vm, status);
    free(kernel);
    free(image);
    buffer_free(&run.vm.config);
    for (size_t i = 0; i < run.vm.forward_count; i++)
        free(run.vm.forwards[i].address);
    free(run.vm.forwards);
    return err;
}
