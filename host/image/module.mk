DEPS.host/image := common contract host/util
TEST_DEPS.host/image := host/image host/util contract
TEST_LIBS.host/image := -larchive -lyaml -lelf
