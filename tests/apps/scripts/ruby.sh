ruby - <<'R'
require 'open3'
require 'socket'
require 'tempfile'
require 'timeout'
require 'net/http'
out, err, status = Open3.capture3("sh -c 'cat; echo err >&2; exit 3'", stdin_data: "in" * 50_000)
p out.size, err, status.exitstatus
p `echo hi; exit 4`, $?.exitstatus
r, w = IO.pipe
pid = fork { r.close; w.puts "from the child"; exit!(7) }
w.close
puts r.read
Process.wait(pid)
p $?.exitstatus
p 5.times.map { |i| fork { sleep 0.01 * i; exit i } }.map { |x| Process.wait2(x)[1].exitstatus }
pid = fork { Signal.trap('TERM', 'DEFAULT'); sleep }
Process.kill(:TERM, pid)
p Process.wait2(pid)[1].termsig
trap('USR1') { puts 'usr1' }
Process.kill('USR1', $$)
sleep 0.05
r, w = IO.pipe
Thread.new { sleep 0.05; w.write 'x' }
p IO.select([r], nil, nil, 5)&.first&.size
server = TCPServer.new('127.0.0.1', 0)
thread = Thread.new { 10.times { c = server.accept; c.puts c.gets.upcase; c.close } }
p 10.times.map { |i| c = TCPSocket.new('127.0.0.1', server.addr[1]); c.puts "m#{i}"; c.read }.join.size
thread.join
a, b = UNIXSocket.pair
a.send_io($stdout)
b.recv_io.tap { |io| io.sync = true; io.puts 'passed descriptor' }
begin
  Timeout.timeout(0.1) { sleep 5 }
rescue Timeout::Error
  puts 'timeout'
end
queue = Queue.new
20.times.map { |i| Thread.new { 100.times { queue << i } } }.each(&:join)
p queue.size
p IO.popen(%w[wc -c], 'r+') { |io| io.write '12345'; io.close_write; io.read.strip }
200_000.times { 'x' * 100 }
GC.start
p Fiber.new { Fiber.yield 1 }.resume
begin
  require 'webrick'
  web = WEBrick::HTTPServer.new(Port: ENV['PORT'].to_i, Logger: WEBrick::Log.new(File::NULL), AccessLog: [])
  web.mount_proc('/') { |request, answer| answer.body = "page #{request.path}" }
  thread = Thread.new { web.start }
  p 20.times.map { |i| Net::HTTP.get(URI("http://127.0.0.1:#{ENV['PORT']}/#{i}")) }.last
  web.shutdown
  thread.join
rescue LoadError
  puts 'no webrick'
end
R
