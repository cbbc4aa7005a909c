.PHONY: fuzz-calls-long
fuzz-calls-long: check
	@ABI_FUZZ_SECONDS=600 bats --tap -f "random and hostile" tests/abi/abi.bats
