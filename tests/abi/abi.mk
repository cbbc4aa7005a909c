#: make check-long make check, and what takes long: ten minutes of fuzzing the system calls
.PHONY: check-long
check-long: check
	@ABI_FUZZ_SECONDS=600 bats --tap -f "random and hostile" tests/abi/abi.bats
