DEPS.host/vm := common contract host/util
