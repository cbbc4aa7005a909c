# What a newcomer and CI call. The packages they need are installed by them.
BOOT_TESTS := $(wildcard tests/boot/*.bats tests/abi/*.bats tests/apps/*.bats)

.PHONY: demo check check-long bench packages examples install
#: make demo       the Spring Boot example as a virtual machine
#: make check      every test; ends with "N passed, N failed, N skipped"
#: make check-long make check, and what takes long: storms, Python's own suite, ten minutes of fuzzing the system calls
#: make bench      Skiff beside a Linux guest and the floor; build/bench.json; BENCH="hello java" for a part
#: make install    to PREFIX (default /usr/local), below DESTDIR
PREFIX ?= /usr/local
packages:
	@bash tests/framework/install-packages
demo: packages
	@$(MAKE) --no-print-directory all
	@bash tests/demo/demo
check: packages
	@$(MAKE) --no-print-directory all examples tests-build fuzz-build
	@bash tests/framework/sum "make --no-print-directory test" "make --no-print-directory fuzz" $(if $(BOOT_TESTS),"bash tests/framework/run-bats $(BOOT_TESTS)")
check-long: check fuzz-calls-long
	@bash tests/framework/run-bats $(wildcard tests/long/*.bats)
bench: packages
	@$(MAKE) --no-print-directory all examples
	@tests/bench/run $(BENCH)
# The C examples, built as the tests and benchmarks use them; the Spring Boot jar.
EXAMPLE_PROGRAMS := $(BUILD)/examples/hello $(BUILD)/examples/hello-static $(BUILD)/examples/server $(BUILD)/examples/server-static
examples: $(EXAMPLE_PROGRAMS) $(BUILD)/examples/app.jar
$(BUILD)/examples/%-static: examples/c/%.c
	@mkdir -p $(@D)
	@$(CC) -O2 -Wall -Wextra -static -o $@ $< -pthread
$(BUILD)/examples/%: examples/c/%.c
	@mkdir -p $(@D)
	@$(CC) -O2 -Wall -Wextra -o $@ $< -pthread
$(BUILD)/examples/app.jar: examples/spring-boot/pom.xml $(shell find examples/spring-boot/src -type f)
	@mkdir -p $(@D)
	@mvn -q -B -f $< package
	@cp examples/spring-boot/target/app.jar $@
install: all
	install -D -m 755 $(BUILD)/skiff $(DESTDIR)$(PREFIX)/bin/skiff
	install -D -m 644 $(BUILD)/skiff-kernel.elf $(DESTDIR)$(PREFIX)/lib/skiff/skiff-kernel.elf
	install -D -m 644 docs/skiff.1 $(DESTDIR)$(PREFIX)/share/man/man1/skiff.1
docs/syscalls.md: kernel/linux/include/linux/syscalls.def mk/syscalls.sh
	@bash mk/syscalls.sh > $@
