DEPS.host/image := common contract host/util
