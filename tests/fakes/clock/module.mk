# A clock that stands still until the test moves it.
DEPS.tests/fakes/clock := common kernel/base kernel/arch
