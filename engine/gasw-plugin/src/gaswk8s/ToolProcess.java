package gaswk8s;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A process of {@code gasw-k8s}. */
final class ToolProcess {
    private final String name;
    private final Process process;
    private final PluginLog log;
    private final BufferedReader answers;
    private final Thread errors;
    private volatile String error = "";
    private volatile String hint = "";

    ToolProcess(String name, Process process, PluginLog log) {
        this.name = name;
        this.process = process;
        this.log = log;
        answers = Tool.reader(process.getInputStream());
        errors = Daemon.start("gasw-k8s " + name + " stderr", this::readErrors);
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Writes a line to its input. */
    void write(String line) throws IOException {
        process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
    }

    /** Tells it that nothing more comes, which is the end of every command that reads its input. */
    void closeInput() {
        try {
            process.getOutputStream().close();
        } catch (IOException alreadyEnded) {
            log.info("gasw-k8s " + name + " has closed its input");
        }
    }

    /** The next line of its answer; null where it has ended. */
    String readLine() {
        try {
            return answers.readLine();
        } catch (IOException ended) {
            return null;
        }
    }

    void readLines(Tool.LineReader reader) {
        for (String line = readLine(); line != null; line = readLine()) reader.take(line);
    }

    /**
     * Kills it if it still runs after some time.
     *
     * @return what to cancel if it is to live on
     */
    CompletableFuture<Void> killAfter(long seconds) {
        return CompletableFuture.runAsync(this::kill, CompletableFuture.delayedExecutor(seconds, TimeUnit.SECONDS));
    }

    void kill() {
        process.destroyForcibly();
    }

    int exitCode() {
        try {
            // Its last words explain the code.
            errors.join();
            return process.waitFor();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return -1;
        }
    }

    /** Its end as an error, in its own words where it had some. */
    ToolException failure(String end) {
        return error.isEmpty() ? new ToolException("gasw-k8s " + name + " " + end, "") : new ToolException(error, hint);
    }

    private void readErrors() {
        try (BufferedReader lines = Tool.reader(process.getErrorStream())) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) note(line);
        } catch (IOException ended) {
            log.info("gasw-k8s " + name + ": stderr ended: " + ended.getMessage());
        }
    }

    private void note(String line) {
        if (line.startsWith("error: ")) error = line.substring("error: ".length());
        if (line.startsWith("hint: ")) hint = line.substring("hint: ".length());
        if (line.startsWith("{")) noteFailure(line);
        else if (!line.isBlank()) log.warn("gasw-k8s " + name + ": " + line);
    }

    /** Commands that answer in JSON tell their errors so, too. */
    private void noteFailure(String line) {
        try {
            if (!(Json.parse(line) instanceof Map<?, ?> told) || !(told.get("error") instanceof Map<?, ?> failure)) return;
            error = String.valueOf(failure.get("message"));
            hint = String.valueOf(failure.get("hint"));
            log.warn("gasw-k8s " + name + ": error: " + error + " (hint: " + hint + ")");
        } catch (IllegalArgumentException notJson) {
            log.warn("gasw-k8s " + name + ": " + line);
        }
    }
}
