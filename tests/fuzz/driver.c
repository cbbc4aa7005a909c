/*
 * Runs one fuzz target without a fuzzing compiler: first every file of the corpus, then mutations of them for a while. The
 * same target links with libFuzzer (clang -fsanitize=fuzzer). Usage: target CORPUS SECONDS [SEED]; the seed is printed, and
 * the input that is being tried stands in CRASH-<target> when the process dies.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <fcntl.h>
#include <unistd.h>

enum { INPUT_MAX = 65536, CORPUS_MAX = 4096 };
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct input {
    uint8_t *bytes;
    size_t len;
};
static struct input corpus[CORPUS_MAX];
static size_t corpus_count;
static uint64_t state;

/* splitmix64. */
static uint64_t next_random(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static size_t below(size_t n)
{
    return n ? next_random() % n : 0;
}

static void read_corpus(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory && (entry = readdir(directory)) && corpus_count < CORPUS_MAX) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(name, "rb");
        if (!file)
            continue;
        struct input *input = &corpus[corpus_count++];
        input->bytes = malloc(INPUT_MAX);
        input->len = fread(input->bytes, 1, INPUT_MAX, file);
        fclose(file);
    }
    if (directory)
        closedir(directory);
}

/* A shared mapping of a file, so that the input survives a crash. */
static uint8_t *crash_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || ftruncate(fd, INPUT_MAX + 8))
        exit(2);
    uint8_t *bytes = mmap(NULL, INPUT_MAX + 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return bytes == MAP_FAILED ? NULL : bytes;
}

static size_t mutate(uint8_t *to, size_t len)
{
    static const uint64_t interesting[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
                                           INT64_MAX, UINT64_MAX, 4096, 4095, 65535};
    for (unsigned rounds = 1 + (unsigned)below(8); rounds; rounds--) {
        size_t at = below(len);
        uint64_t value = interesting[below(sizeof interesting / sizeof *interesting)];
        size_t width = (size_t)1 << below(4), n;
        switch (below(6)) {
        case 0:
            if (len)
                to[at] ^= (uint8_t)(1u << below(8));
            break;
        case 1:
            if (len)
                to[at] = (uint8_t)next_random();
            break;
        case 2: /* a value of some width, either byte order */
            if (below(2))
                value = __builtin_bswap64(value) >> (64 - 8 * width);
            if (len >= width)
                memcpy(to + below(len - width + 1), &value, width);
            break;
        case 3: /* cut */
            len = below(len + 1);
            break;
        case 4: /* repeat a part */
            n = below(len - at + 1);
            if (len + n <= INPUT_MAX) {
                memmove(to + at + n, to + at, len - at);
                len += n;
            }
            break;
        case 5: /* a part of another input */
            if (corpus_count) {
                const struct input *other = &corpus[below(corpus_count)];
                n = below(other->len + 1);
                if (at + n <= INPUT_MAX)
                    memcpy(to + at, other->bytes + below(other->len - n + 1), n);
                len = len > at + n ? len : at + n <= INPUT_MAX ? at + n : len;
            }
            break;
        }
    }
    return len;
}

/* Each input in a block of its own size, so that the address sanitizer sees a read behind it. */
static void try_input(const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);
    memcpy(exact, bytes, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s CORPUS SECONDS [SEED]\n", argv[0]);
        return 2;
    }
    char crash[256];
    const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    snprintf(crash, sizeof crash, "CRASH-%s", name);
    state = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)time(NULL);
    uint64_t seed = state, runs = 0;
    read_corpus(argv[1]);
    uint8_t *bytes = crash_file(crash);
    for (size_t i = 0; i < corpus_count; i++)
        try_input(corpus[i].bytes, corpus[i].len);
    printf("%s: corpus %zu, seed %llu\n", name, corpus_count, (unsigned long long)seed);
    fflush(stdout);
    for (time_t end = time(NULL) + strtol(argv[2], NULL, 10); time(NULL) < end;) {
        for (int i = 0; i < 1000; i++, runs++) {
            const struct input *from = corpus_count ? &corpus[below(corpus_count)] : NULL;
            size_t len = from ? from->len : below(256);
            if (from)
                memcpy(bytes + 8, from->bytes, len);
            len = mutate(bytes + 8, len);
            memcpy(bytes, &len, 8);
            try_input(bytes + 8, len);
        }
    }
    unlink(crash);
    printf("%s: %llu runs\n", name, (unsigned long long)runs);
    return 0;
}
