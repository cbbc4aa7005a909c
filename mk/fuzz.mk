# Fuzzing: for each tests/fuzz/targets/NAME.c a program, under ASan and UBSan, of the sources that FUZZ_SOURCES.NAME names. It
# runs the corpus in tests/fuzz/corpus/NAME and then mutations of it for FUZZ_SECONDS.
FUZZ_SECONDS ?= 5
FUZZ_TARGETS := $(basename $(notdir $(wildcard tests/fuzz/targets/*.c)))
FUZZ_SOURCES.wire := $(wildcard kernel/net/wire/*.c)
FUZZ_SOURCES.erofs := $(wildcard kernel/fs/erofs/format/*.c)
FUZZ_SOURCES.elf := $(wildcard kernel/process/elf/*.c)
FUZZ_SOURCES.settings := $(wildcard kernel/init/settings/*.c) common/config.c
FUZZ_SOURCES.devices := kernel/drivers/fw_cfg/directory/directory.c kernel/drivers/serial/line/line.c kernel/drivers/virtio/command_line.c
FUZZ_SOURCES.host := $(addprefix host/image/,elf.c jar.c erofs.c script.c sources.c libraries.c library_search.c stage.c) $(wildcard host/util/*.c)
FUZZ_CFLAGS.host := -Ihost/image -Ihost/image/include -Ihost/util/include
FUZZ_LIBS.host := -larchive -lelf
FUZZ_INCLUDES := $(foreach d,common contract kernel/base kernel/arch kernel/mm kernel/net/wire kernel/fs/erofs/format kernel/process/elf \
	kernel/init/settings kernel/drivers/fw_cfg/directory kernel/drivers/serial/line kernel/fs/vfs kernel/drivers/virtio,-I$(d)/include) -Ikernel/arch/host/inline
FUZZ_PROGRAMS := $(foreach t,$(FUZZ_TARGETS),$(BUILD)/fuzz/$(t))
define fuzz_program
$(BUILD)/fuzz/$(1): tests/fuzz/targets/$(1).c tests/fuzz/driver.c $(FUZZ_SOURCES.$(1))
	@mkdir -p $$(@D)
	@$(CC) $(TEST_CFLAGS) -O2 -fsanitize=address,undefined -fno-sanitize-recover=all $(FUZZ_CFLAGS.$(1)) $(FUZZ_INCLUDES) -o $$@ $$^ $(FUZZ_LIBS.$(1))
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_program,$(t))))
#: make fuzz       the fuzz targets, FUZZ_SECONDS each (5)
.PHONY: fuzz fuzz-build
fuzz-build: $(FUZZ_PROGRAMS)
fuzz: fuzz-build
	@bash tests/fuzz/run-all $(FUZZ_SECONDS) $(FUZZ_PROGRAMS)
