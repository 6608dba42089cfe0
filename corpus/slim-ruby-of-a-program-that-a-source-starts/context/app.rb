require "sinatra"

get("/thumbnail") do
  system("convert", "in.png", "-resize", "64x64", "out.png")
end
