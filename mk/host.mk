# The host side: everything below host/ plus common/ and contract/, as one program, build/skiff.
HOST_MODULES := $(filter common contract host/%,$(MODULES))
HOST_PACKAGES := jansson yaml-0.1 libarchive libelf smartcols
HOST_CFLAGS := -std=gnu17 -O2 -g -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE $(WARNINGS)
host_objects = $(patsubst %,$(BUILD)/host/%.o,$(wildcard $(1)/*.c))
HOST_OBJECTS := $(foreach m,$(HOST_MODULES),$(call host_objects,$(m)))
define host_module
$(BUILD)/host/$(1)/%.c.o: $(1)/%.c $(1)/module.mk
	@mkdir -p $$(@D)
	@$(CCACHE) $(CC) $(HOST_CFLAGS) $$(CFLAGS.$(1)) $$(shell pkg-config --cflags $(HOST_PACKAGES)) $(call includes_of,$(1)) -MMD -MP -c $$< -o $$@
endef
$(foreach m,$(HOST_MODULES),$(eval $(call host_module,$(m))))
.PHONY: host
host: $(if $(filter host/%,$(HOST_MODULES)),$(BUILD)/skiff)
$(BUILD)/skiff: $(HOST_OBJECTS)
	@$(CC) -pie -Wl,-z,relro,-z,now -o $@ $^ $(shell pkg-config --libs $(HOST_PACKAGES))
-include $(HOST_OBJECTS:.o=.d)
