require "pg"
require "sinatra"

get "/" do
  PG.connect(ENV.fetch("DSN")).server_version.to_s
end
