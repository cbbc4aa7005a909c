# Unit tests: for each module with a test/ folder one program, build/test/<module>/run, made of that folder, of the
# modules that TEST_DEPS.<module> names (itself included) and of tests/framework; all under ASan and UBSan. A module with
# TEST_SANITIZER.<module> = thread runs under TSan instead.
TEST_MODULES := $(foreach m,$(MODULES),$(if $(wildcard $(m)/test/*.c),$(m)))
test_sanitizer = $(or $(TEST_SANITIZER.$(1)),address,undefined)
TEST_CFLAGS := -std=gnu17 -O1 -g -D_GNU_SOURCE -DSKIFF_DEBUG=1 -fno-omit-frame-pointer -fno-strict-aliasing -Ikernel/arch/host/inline $(WARNINGS)
test_flags = $(TEST_CFLAGS) -fsanitize=$(if $(TEST_SANITIZER.$(1)),$(TEST_SANITIZER.$(1)),address$(comma)undefined -fno-sanitize-recover=all)
comma := ,
test_sources = $(wildcard $(1)/test/*.c) $(foreach d,$(TEST_DEPS.$(1)) tests/framework,$(wildcard $(d)/*.c))
test_objects = $(patsubst %,$(BUILD)/test/$(1)/obj/%.o,$(call test_sources,$(1)))
# Each source sees only what its own module names; the tests of a module see what the module sees and its TEST_DEPS.
define test_object
$(BUILD)/test/$(1)/obj/$(2)/%.c.o: $(2)/%.c $(1)/module.mk
	@mkdir -p $$(@D)
	@$(CCACHE) $(CC) $$(call test_flags,$(1)) $(3) -MMD -MP -c $$< -o $$@
endef
define test_module
$(foreach d,$(TEST_DEPS.$(1)),$(eval $(call test_object,$(1),$(d),$(call includes_of,$(d)))))
$(eval $(call test_object,$(1),tests/framework,-Itests/framework/include))
$(eval $(call test_object,$(1),$(1)/test,$(call includes_of,$(1)) $(foreach d,$(TEST_DEPS.$(1)),-I$(d)/include) -Itests/framework/include $(TEST_CFLAGS.$(1))))
$(BUILD)/test/$(1)/run: $(call test_objects,$(1))
	@$(CC) $$(call test_flags,$(1)) -o $$@ $$^ $(TEST_LIBS.$(1)) -lpthread
-include $(patsubst %.o,%.d,$(call test_objects,$(1)))
endef
$(foreach m,$(TEST_MODULES),$(eval $(call test_module,$(m))))
TEST_PROGRAMS := $(foreach m,$(TEST_MODULES),$(BUILD)/test/$(m)/run)

#: make test       the unit tests (no QEMU)
.PHONY: test tests-build
tests-build: $(TEST_PROGRAMS)
test: tests-build
	@bash tests/framework/run-all $(TEST_PROGRAMS)
