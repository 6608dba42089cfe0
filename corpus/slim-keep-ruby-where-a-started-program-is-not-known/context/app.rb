require "sinatra"

get("/run") { `#{params[:tool]} --version` }
