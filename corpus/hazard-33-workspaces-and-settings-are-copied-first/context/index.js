require("lib")
