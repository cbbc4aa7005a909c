DEPS.kernel/fs/erofs/format := common kernel/base
TEST_DEPS.kernel/fs/erofs/format := kernel/fs/erofs/format
CFLAGS.kernel/fs/erofs/format := -Wconversion -Wno-sign-conversion
