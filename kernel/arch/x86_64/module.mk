DEPS.kernel/arch/x86_64 := common contract kernel/base kernel/arch kernel/mm kernel/sched
# Its tests include the sources they are about, with stand-ins for the rest of the machine.
TEST_DEPS.kernel/arch/x86_64 :=
# The real CPU's inline headers come behind the host's, which win where both have one.
TEST_CFLAGS.kernel/arch/x86_64 := -Ikernel/arch/x86_64/inline

# The vDSO: a shared object of its own, position independent and without the kernel's flags, embedded by vdso_image.S.
VDSO_DIR := kernel/arch/x86_64/vdso
VDSO_IMAGE := $(BUILD)/kernel/vdso.so
VDSO_CFLAGS := -std=gnu17 -O2 -fPIC -ffreestanding -nostdlib -mno-red-zone -mgeneral-regs-only -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fcf-protection=none -fvisibility=hidden -Wall -Wextra -Werror -Ikernel/arch/x86_64
$(VDSO_IMAGE): $(VDSO_DIR)/vdso.c $(VDSO_DIR)/vdso.lds kernel/arch/x86_64/vdso_data.h
	@mkdir -p $(@D)
	@$(CC) $(VDSO_CFLAGS) -shared -Wl,-soname,linux-vdso.so.1 -Wl,--hash-style=both -Wl,-Bsymbolic -Wl,--build-id=none \
		-Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--no-undefined -Wl,-T,$(VDSO_DIR)/vdso.lds -o $@ $(VDSO_DIR)/vdso.c
	@strip --strip-unneeded $@
$(BUILD)/kernel/kernel/arch/x86_64/vdso_image.S.o: kernel/arch/x86_64/vdso_image.S $(VDSO_IMAGE)
	@mkdir -p $(@D)
	@$(CC) -DVDSO_IMAGE='"$(VDSO_IMAGE)"' -c $< -o $@
