DEPS.kernel/base := common kernel/arch
# memcpy written as a loop must not become a call of memcpy.
CFLAGS.kernel/base := -fno-tree-loop-distribute-patterns
# Its tests include string.c and printf.c under other names, so that the host's libc stays in use around them.
TEST_DEPS.kernel/base :=
