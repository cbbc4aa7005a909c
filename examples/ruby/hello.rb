puts "Hello from Ruby #{RUBY_VERSION}"
threads = 4.times.map { |n| Thread.new { (1..1000).sum * n } }
puts "threads: #{threads.map(&:value).inspect}"
