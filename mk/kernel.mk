# The kernel: every module below common/, contract/ and kernel/ except the host's stand-in for the CPU.
KERNEL_MODULES := $(filter-out kernel/arch/host,$(filter common contract kernel/%,$(MODULES)))
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wno-unused-parameter
KERNEL_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-builtin-printf -nostdlib -mno-red-zone -mcmodel=kernel -mgeneral-regs-only -fno-pic \
	-fno-pie -fno-omit-frame-pointer -fno-optimize-sibling-calls -fno-strict-aliasing -fno-delete-null-pointer-checks -fno-asynchronous-unwind-tables \
	-fcf-protection=none -fno-stack-protector -ffunction-sections -fdata-sections -Ikernel/arch/x86_64/inline $(WARNINGS)
ifdef DEBUG
KERNEL_CFLAGS += -DSKIFF_DEBUG=1
endif

# includes_of MODULE: -I for the module's own headers, the modules it names, and the real CPU's.
includes_of = -I$(1) -I$(1)/include $(foreach d,$(DEPS.$(1)),-I$(d)/include)
module_objects = $(patsubst %,$(BUILD)/kernel/%.o,$(wildcard $(1)/*.c $(1)/*.S))

KERNEL_OBJECTS := $(foreach m,$(KERNEL_MODULES),$(call module_objects,$(m)))

define kernel_module
$(BUILD)/kernel/$(1)/%.c.o: $(1)/%.c $(1)/module.mk
	@mkdir -p $$(@D)
	@$(CCACHE) $(CC) $(KERNEL_CFLAGS) $$(CFLAGS.$(1)) $(call includes_of,$(1)) -MMD -MP -c $$< -o $$@
$(BUILD)/kernel/$(1)/%.S.o: $(1)/%.S $(1)/module.mk
	@mkdir -p $$(@D)
	@$(CCACHE) $(CC) $(KERNEL_CFLAGS) -D__ASSEMBLER__=1 $(call includes_of,$(1)) -MMD -MP -c $$< -o $$@
endef
$(foreach m,$(KERNEL_MODULES),$(eval $(call kernel_module,$(m))))

.PHONY: kernel
kernel: $(BUILD)/skiff-kernel.elf
# Two links: the first gives the addresses for the table of symbols that a backtrace prints, the second holds it. QEMU gets
# a file without the ELF symbols, which nobody reads there; gdb has skiff-kernel.debug.
KERNEL_LINK = ld $(if $(ALLOW_UNRESOLVED),--unresolved-symbols=ignore-all) -nostdlib -static -no-pie -z noexecstack -z max-page-size=4096 --build-id=none --gc-sections -T kernel/arch/x86_64/kernel.ld
$(BUILD)/skiff-kernel.elf: $(KERNEL_OBJECTS) kernel/arch/x86_64/kernel.ld mk/symbols.sh
	@$(KERNEL_LINK) -o $(BUILD)/kernel/pass1.elf $(KERNEL_OBJECTS)
	@bash mk/symbols.sh $(BUILD)/kernel/pass1.elf > $(BUILD)/kernel/symbols.S
	@$(CC) -c $(BUILD)/kernel/symbols.S -o $(BUILD)/kernel/symbols.o
	@$(KERNEL_LINK) -o $(BUILD)/skiff-kernel.debug $(KERNEL_OBJECTS) $(BUILD)/kernel/symbols.o
	@objcopy --strip-all $(BUILD)/skiff-kernel.debug $@
	@echo "kernel: $@ ($$(stat -c %s $@) bytes)"

# One module alone, while others are being worked on: make module M=kernel/mm
.PHONY: module
module: $(call module_objects,$(M))

-include $(KERNEL_OBJECTS:.o=.d)
