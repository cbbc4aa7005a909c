# A small HTTP server with a thread for each connection.
require "socket"

server = TCPServer.new("0.0.0.0", Integer(ARGV[0] || 8080))
puts "ruby #{RUBY_VERSION} listening on port #{server.addr[1]}"
$stdout.flush
loop do
  Thread.new(server.accept) do |client|
    while (line = client.gets) && line != "\r\n"; end
    body = "Hello from Ruby on Skiff\n"
    client.write "HTTP/1.1 200 OK\r\nContent-Length: #{body.bytesize}\r\nConnection: close\r\n\r\n#{body}"
  ensure
    client.close
  end
end
