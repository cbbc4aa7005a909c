DEPS.tests/framework :=
