DEPS.common := contract
