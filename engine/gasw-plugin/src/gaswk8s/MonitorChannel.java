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
    private final Consumer<Result> results;
    private final Consumer<String> changes;
    private ToolProcess process;
    private Thread thread;
    private boolean isStopping;
    private volatile long cursor;

    /** @param changes takes the attempts whose status has changed */
    MonitorChannel(Tool tool, PluginLog log, Consumer<Result> results, Consumer<String> changes) {
        this.tool = tool;
        this.log = log;
        this.results = results;
        this.changes = changes;
    }

    synchronized void open() {
        if (thread == null && !isStopping) thread = Daemon.start("gasw-k8s monitor", this::run);
    }

    /** The last line that was heard. */
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
        String[] command = {"monitor", "--forever", "--stop-on-eof", "-o", "ndjson", "--changes", "--since", String.valueOf(cursor)};
        process = tool.start(command);
        return process;
    }

    /** Takes a line of the monitor, or of another command that tells results. */
    void hear(String line) {
        try {
            if (!(Json.parse(line) instanceof Map<?, ?> told)) return;
            Result result = Result.from(told);
            if (result != null) results.accept(result);
            // A line of another kind says again what a change has said, or is for a newer plugin.
            else if ("change".equals(told.get("kind")) && told.get("attemptId") instanceof String attempt) changes.accept(attempt);
            if (told.get("cursor") instanceof Double reached) cursor = reached.longValue();
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
