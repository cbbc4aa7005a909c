/* skiff.yaml. What is refused and how is checked at the command line as well (tests/boot/cli.bats). */
#include <image/image.h>
#include "helpers.h"

static struct image_options options;
static struct project project;
static struct strings files;
static char *program, *runtime;

static void forget(void)
{
    strings_free(&options.arguments);
    strings_free(&options.environment);
    strings_free(&project.ports);
    strings_free(&files);
    free((char *)options.working_directory);
    free(program);
    free(runtime);
    options = (struct image_options){0};
    project = (struct project){0};
    program = runtime = NULL;
}

static struct error *read_project(const char *text)
{
    forget();
    if (!work.path)
        error_free(workspace_create(NULL, &work));
    work_write("skiff.yaml", text, strlen(text));
    return project_read(work.path, &options, &project, &files, &program, &runtime);
}

TEST(project_with_everything)
{
    struct error *err =
        read_project("program: app.jar\n"
                     "args: [--server.port=8080, 5, yes]\n"
                     "env: {GREETING: hello, EMPTY: ''}\n"
                     "files: [config.yml, 'data:/srv/data']\n"
                     "runtime: jvm-whole\ncwd: /srv\nmemory: 768M\ncpus: 2\nports: ['8080:8080', '53:53/udp']\n");
    REQUIRE(!err);
    EXPECT_STR(program, "app.jar");
    EXPECT_EQ(options.arguments.count, 3);
    EXPECT_STR(options.arguments.items[1], "5");
    EXPECT_STR(options.environment.items[0], "GREETING=hello");
    EXPECT_STR(options.environment.items[1], "EMPTY=");
    EXPECT_STR(files.items[1], "data:/srv/data");
    EXPECT_STR(runtime, "jvm-whole");
    EXPECT_STR(options.working_directory, "/srv");
    EXPECT_EQ(project.memory_mib, 768);
    EXPECT_EQ(project.cpus, 2);
    EXPECT_STR(project.ports.items[1], "53:53/udp");
    forget();
    workspace_remove(&work);
}

TEST(project_environment_as_a_list)
{
    REQUIRE(!read_project("program: a\nenv: [A=1, B=x=y]\n"));
    EXPECT_STR(options.environment.items[1], "B=x=y");
    forget();
    workspace_remove(&work);
}

TEST(project_errors_have_lines)
{
    says(read_project("program: a\n\n\ncolour: red\n"), "skiff.yaml, line 4: the key \"colour\" is not known");
    says(read_project("program: a\nports:\n  - 80:80\n  - [1]\n"), "line 4: ports must be a list of words");
    says(read_project("program: a\nenv: {A=B: c}\n"), "line 2: env must be a mapping");
    says(read_project("program: {}\n"), "line 1: program must be a single value");
    says(read_project("program: ''\n"), "line 1: program must be a single value");
    says(read_project("program: a\ncpus: 65\n"), "line 2: cpus must be a number from 1 to 64");
    says(read_project("program: a\nmemory: [1]\n"), "line 2: memory must be a size");
    says(read_project("args: []\n"), "does not say what to start");
    says(read_project("{"), "line");
    says(read_project("\t"), "line 1");
    says(read_project("a: &x [*x]\n"), "not known");
    says(read_project(""), "not a mapping");
    forget();
    workspace_remove(&work);
}

/* Pieces of YAML in any order: an answer or an error, and no byte out of place (ASan). */
TEST(project_of_any_bytes)
{
    static const char *const pieces[] = {"program", ": ",       "\n",        "- ",    "[",    "]",      "{",   "}",
                                         "a",       "env",      "args",      "ports", "cpus", "memory", "64M", "&x ",
                                         "*x",      "!!int ",   "'",         "\"",    "|\n",  "  ",     "#",   "? ",
                                         "\x80",    "\xff\xfe", "%YAML 9\n", "---\n", ", ",   "files"};
    for (unsigned round = 0; round < 1000; round++) {
        char text[256] = "";
        for (unsigned i = 0; i < 1 + round % 20; i++)
            strncat(text, pieces[test_random() % (sizeof pieces / sizeof *pieces)], sizeof text - strlen(text) - 1);
        error_free(read_project(text));
    }
    forget();
    workspace_remove(&work);
}
