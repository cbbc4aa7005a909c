import java.util.ArrayList;
import java.util.List;

/** How a Java program ends: by a signal from outside, by memory that runs out, by its own status. */
public class Ends {
    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "hello" -> System.out.println("hello from " + Runtime.getRuntime().availableProcessors() + " CPUs");
            case "status" -> System.exit(Integer.parseInt(arguments[1]));
            case "memory" -> fill();
            case "uncaught" -> throw new IllegalStateException("nobody catches this");
            case "wait" -> waitForSignal();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static void fill() {
        List<byte[]> all = new ArrayList<>();
        for (;;) {
            all.add(new byte[1 << 20]);
        }
    }

    private static void waitForSignal() throws Exception {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("the hook ran")));
        Thread sleeper = new Thread(() -> {
            try {
                Thread.sleep(1_000_000);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }, "a thread that sleeps");
        sleeper.start();
        System.out.println("waiting");
        sleeper.join();
    }
}
