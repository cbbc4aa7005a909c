DEPS.host/util := common
