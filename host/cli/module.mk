DEPS.host/cli := common contract host/util host/image host/vm
