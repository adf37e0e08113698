package gaswk8s;

import java.util.Map;
import java.util.function.Consumer;

/**
 * Hears of the ends of jobs from one {@code gasw-k8s monitor --forever -o ndjson}. Where it dies it is started again and told what was
 * heard last, so that each end is heard once.
 */
final class MonitorChannel {
    private static final long SHORTEST_PAUSE_MS = 500;
    private static final long LONGEST_PAUSE_MS = 30_000;
    /** A monitor that has run for so long has not failed at its start. */
    private static final long STEADY_NS = 60_000_000_000L;

    private final Tool tool;
    private final PluginLog log;
    private final Consumer<Result> listener;
    private ToolProcess process;
    private Thread thread;
    private boolean isStopping;
    private volatile long cursor;

    MonitorChannel(Tool tool, PluginLog log, Consumer<Result> listener) {
        this.tool = tool;
        this.log = log;
        this.listener = listener;
    }

    synchronized void open() {
        if (thread == null && !isStopping) thread = Daemon.start("gasw-k8s monitor", this::run);
    }

    /** The last result that was heard of. */
    long cursor() {
        return cursor;
    }

    /** Ends the monitor, which first finishes its round; what that has found has been heard when this returns. */
    void close(long seconds) {
        Thread running;
        synchronized (this) {
            isStopping = true;
            notifyAll();
            running = thread;
            if (process != null) {
                process.killAfter(seconds);
                process.closeInput();
            }
        }
        try {
            if (running != null) running.join(seconds * 1000);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        long pause = SHORTEST_PAUSE_MS;
        while (true) {
            long begin = System.nanoTime();
            String end = follow();
            if (end == null) return;
            if (System.nanoTime() - begin >= STEADY_NS) pause = SHORTEST_PAUSE_MS;
            log.warn("gasw-k8s monitor " + end + ": it is started again");
            if (!pause(pause)) return;
            pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
        }
    }

    /** Follows one process to its end, and says what that was; null where it was told to end. */
    private String follow() {
        ToolProcess started;
        try {
            started = start();
        } catch (ToolException error) {
            return "failed: " + error.getMessage();
        }
        if (started == null) return null;
        started.readLines(this::hear);
        int code = started.exitCode();
        synchronized (this) {
            process = null;
            return isStopping ? null : "ended with exit code " + code;
        }
    }

    private synchronized ToolProcess start() throws ToolException {
        if (isStopping) return null;
        String[] command = {"monitor", "--forever", "--stop-on-eof", "-o", "ndjson", "--since", String.valueOf(cursor)};
        process = tool.start(command);
        return process;
    }

    /** Takes a line of the monitor, or of another command that tells results. */
    void hear(String line) {
        try {
            Result result = Json.parse(line) instanceof Map<?, ?> object ? Result.from(object) : null;
            // Lines of other kinds are not for this plugin, or for a newer one.
            if (result == null) return;
            listener.accept(result);
            cursor = result.cursor();
        } catch (IllegalArgumentException torn) {
            // Whoever writes it died meanwhile; it comes again, since the cursor is before it.
            log.warn("gasw-k8s monitor: unreadable line (" + torn.getMessage() + ")");
        }
    }

    private synchronized boolean pause(long milliseconds) {
        try {
            if (!isStopping) wait(milliseconds);
            return !isStopping;
        } catch (InterruptedException interrupted) {
            return false;
        }
    }
}
