/* Says hello, and what it was started with. */
#include <stdio.h>

int main(int argc, char **argv)
{
    printf("Hello from Skiff\n");
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    return 0;
}
