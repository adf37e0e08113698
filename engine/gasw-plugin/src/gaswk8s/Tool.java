package gaswk8s;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Starts processes of {@code gasw-k8s} for the workflow. */
final class Tool {
    private final Settings settings;
    private final PluginLog log;

    Tool(Settings settings, PluginLog log) {
        this.settings = settings;
        this.log = log;
    }

    /** Starts a command; what it says on stderr is logged. */
    ToolProcess start(String... command) throws ToolException {
        List<String> words = new ArrayList<>(List.of(settings.command()));
        words.addAll(Arrays.asList(command));
        words.addAll(List.of("--workflow", settings.directory().toString()));
        if (!settings.config().isEmpty()) words.addAll(List.of("--config", settings.config()));
        try {
            Process process = new ProcessBuilder(words).directory(settings.directory().toFile()).start();
            log.info("started " + String.join(" ", words) + " (process " + process.pid() + ")");
            return new ToolProcess(command[0], process, log);
        } catch (IOException error) {
            throw new ToolException(
                "cannot start " + settings.command() + ": " + error.getMessage(),
                "install gasw-k8s, and set gasw-k8s.command in conf/settings.conf to its path");
        }
    }

    /** Runs a command to its end, for so many seconds at most, and hands each line of its answer on. */
    void run(long seconds, LineReader reader, String... command) throws ToolException {
        ToolProcess process = start(command);
        process.killAfter(seconds);
        process.closeInput();
        process.readLines(reader);
        int code = process.exitCode();
        if (code != 0) throw process.failure("ended with exit code " + code);
    }

    /** Takes a line of a program's answer. */
    interface LineReader {
        void take(String line);
    }

    static BufferedReader reader(InputStream stream) {
        return new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8));
    }
}
