require "sinatra"

get("/") { "ok" }
