package gaswk8s;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Submits scripts through one {@code gasw-k8s submit --from -}, which stays open and answers each line. Where it dies it is started again,
 * and the line that it has not answered is sent again: a submission may be repeated. GASW submits one job at a time.
 */
final class SubmitChannel {
    /** How often a line is sent before its submission has failed. */
    private static final int TRIES = 4;
    /** The exit code that no other try changes. */
    private static final int BAD_CONFIGURATION = 3;
    /** An answer may wait for volumes, which have a limit of their own; who has not answered after this hangs. */
    private static final long SECONDS = 600;
    private static final long PAUSE_MS = 500;
    /** How long a line that the cluster could not be asked for is sent again; one outage has this time once. */
    private static final long OUTAGE_NS = 600_000_000_000L;
    private static final long LONGEST_PAUSE_MS = 10_000;
    /** What a process gets to end by itself. */
    private static final long END_SECONDS = 10;

    private final Tool tool;
    private final PluginLog log;
    private final boolean isKeptOpen;
    /** Also read by a thread that does not wait for its turn. */
    private volatile ToolProcess process;
    private final CountDownLatch aborted = new CountDownLatch(1);
    private int lines;
    /** When the outage began that goes on; 0 where none does. */
    private long outageBegin;

    SubmitChannel(Tool tool, PluginLog log, boolean isKeptOpen) {
        this.tool = tool;
        this.log = log;
        this.isKeptOpen = isKeptOpen;
    }

    /** Starts the process, so that it is ready when the first script is. */
    synchronized void open() throws ToolException {
        if (process != null && process.isAlive()) return;
        process = tool.start("submit", "--from", "-");
        lines = 0;
    }

    /**
     * Submits a script. While the cluster cannot be reached it is sent again.
     *
     * @return why it was refused; null where it was accepted
     * @throws ToolException where it could not be sent
     */
    synchronized String submit(String script) throws ToolException {
        for (long pause = PAUSE_MS;; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
            Map<?, ?> answer = send(script);
            if (!Boolean.TRUE.equals(answer.get("transient"))) {
                outageBegin = 0;
                return refusal(answer);
            }
            if (outageBegin == 0) {
                outageBegin = System.nanoTime();
                log.warn("gasw-k8s submit: " + refusal(answer) + ": it is sent again");
            }
            if (System.nanoTime() - outageBegin >= OUTAGE_NS) return refusal(answer);
            pause(pause);
        }
    }

    /** Sends a script until a process has answered. */
    private Map<?, ?> send(String script) throws ToolException {
        for (int tries = 1;; tries++) {
            open();
            // Asked after the start: whoever aborts either finds the process or is noticed here.
            if (isAborted()) throw stopped();
            Map<?, ?> answer = ask("{\"script\":" + Json.quote(script) + "}");
            if (answer != null) {
                if (!isKeptOpen) close();
                return answer;
            }
            ToolProcess dead = process;
            process = null;
            int code = dead.exitCode();
            if (isAborted()) continue;
            log.warn("gasw-k8s submit ended with exit code " + code + " before it had answered: " + script);
            if (tries == TRIES || code == BAD_CONFIGURATION)
                throw dead.failure("ended with exit code " + code + " before it had answered, " + tries + " times");
            pause(PAUSE_MS * tries);
        }
    }

    /** Ends the process; what it was sent has been answered. */
    synchronized void close() {
        if (process == null) return;
        process.killAfter(END_SECONDS);
        process.closeInput();
        process.exitCode();
        process = null;
    }

    /** Has the submission under way fail now, from any thread: it holds GASW's lock, without which GASW cannot terminate. */
    void abort() {
        aborted.countDown();
        ToolProcess running = process;
        if (running != null) running.kill();
    }

    /** Sends a line and reads its answer; null where the process dies before it. */
    private Map<?, ?> ask(String line) {
        CompletableFuture<Void> alarm = process.killAfter(SECONDS);
        try {
            process.write(line);
            double number = ++lines;
            for (String answer = process.readLine(); answer != null; answer = process.readLine()) {
                Map<?, ?> read = readAnswer(answer);
                if (read != null && Double.valueOf(number).equals(read.get("line"))) return read;
            }
            return null;
        } catch (IOException died) {
            return null;
        } finally {
            alarm.cancel(false);
        }
    }

    private Map<?, ?> readAnswer(String line) {
        try {
            return Json.parse(line) instanceof Map<?, ?> answer ? answer : null;
        } catch (IllegalArgumentException torn) {
            log.warn("gasw-k8s submit: unreadable line (" + torn.getMessage() + ")");
            return null;
        }
    }

    private static String refusal(Map<?, ?> answer) {
        if (!(answer.get("error") instanceof Map<?, ?> error)) return null;
        return ToolException.words(String.valueOf(error.get("message")), String.valueOf(error.get("hint")));
    }

    private boolean isAborted() {
        return aborted.getCount() == 0;
    }

    private static ToolException stopped() {
        return new ToolException("the engine was stopped before the job was submitted", "");
    }

    private void pause(long milliseconds) throws ToolException {
        try {
            if (aborted.await(milliseconds, TimeUnit.MILLISECONDS)) throw stopped();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new ToolException("the submission was interrupted", "");
        }
    }
}
