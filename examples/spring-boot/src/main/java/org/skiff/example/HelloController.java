package org.skiff.example;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Answers that each need something of the operating system below. */
@RestController
public class HelloController {
    public record Greeting(String message, String java, int processors, long maxMemoryMiB) {}

    public record Work(List<Long> sums, long elapsedMillis, Instant now, String file, long fileBytes) {}

    public record Echo(int status, String body) {}

    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

    @Value("${server.port}")
    private int port;

    @GetMapping("/")
    public Greeting hello(@RequestParam(defaultValue = "Skiff") String name) {
        Runtime runtime = Runtime.getRuntime();
        return new Greeting("Hello from " + name, System.getProperty("java.version"), runtime.availableProcessors(),
                runtime.maxMemory() >> 20);
    }

    /** Threads, time and a file in /tmp. */
    @GetMapping("/work")
    public Work work(@RequestParam(defaultValue = "4") int threads) throws Exception {
        long start = System.nanoTime();
        ExecutorService pool = Executors.newFixedThreadPool(Math.min(threads, 64));
        List<Long> sums;
        try {
            var futures = IntStream.range(0, Math.min(threads, 64))
                    .mapToObj(n -> pool.submit(() -> IntStream.range(0, 100_000).asLongStream().map(i -> i * n).sum()))
                    .collect(Collectors.toList());
            sums = new java.util.ArrayList<>();
            for (var future : futures) {
                sums.add(future.get(30, TimeUnit.SECONDS));
            }
        } finally {
            pool.shutdown();
        }
        Path file = Files.createTempFile("skiff", ".txt");
        try {
            Files.writeString(file, sums.toString());
            return new Work(sums, (System.nanoTime() - start) / 1_000_000, Instant.now(), file.toString(), Files.size(file));
        } finally {
            Files.deleteIfExists(file);
        }
    }

    /** The JDK's HTTP client back to this very server. */
    @GetMapping("/echo")
    public Echo echo() throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/?name=itself"))
                .timeout(Duration.ofSeconds(30)).build();
        HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
        return new Echo(response.statusCode(), response.body());
    }
}
