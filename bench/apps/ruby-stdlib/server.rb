require "socket"
require_relative "lib/haiku"

server = TCPServer.new("0.0.0.0", 4567)
loop do
  client = server.accept
  path = client.gets.to_s.split[1] || "/"
  nil while (line = client.gets) && line != "\r\n"
  body = Haiku.load("haiku.yml").about(path.delete("/"))
  client.write "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: #{body.bytesize}\r\n\r\n#{body}"
  client.close
end
