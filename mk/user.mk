# Programs that run inside a machine: examples/c and the ABI tests. Filled by their folders' own .mk files.
-include $(wildcard tests/*/*.mk examples/*/build.mk)
