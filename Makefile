# Skiff's one way in. `make` builds the kernel and the host tools; `make help` lists the rest.
#
# A module is a folder with a module.mk, which names what it may include (DEPS.<folder>) and, for its unit tests, what
# its test program links (TEST_DEPS.<folder>). All *.c and *.S right in the folder are its sources; its public headers
# stand in <folder>/include, its unit tests in <folder>/test. A header of a module that is not named is not found.
BUILD ?= build
CC     = gcc
CCACHE := $(shell command -v ccache 2>/dev/null)
MODULE_FILES := $(sort $(shell find common contract kernel boot host tests -name module.mk 2>/dev/null))
MODULES := $(patsubst %/module.mk,%,$(MODULE_FILES))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
include $(MODULE_FILES)
include mk/kernel.mk mk/host.mk mk/test.mk mk/user.mk mk/fuzz.mk mk/check.mk

.PHONY: all help clean compile-all
all: kernel host
# What each commit must pass: every object of the kernel, the host tools and the unit tests.
compile-all: $(KERNEL_OBJECTS) host tests-build
help:
	@sed -n 's/^#: //p' Makefile mk/*.mk
#: make            the kernel (build/skiff-kernel.elf) and the command line (build/skiff)
#: make clean      removes build/
clean:
	rm -rf $(BUILD)
