package gaswk8s;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Set;

/** The plugin's own log: what it and {@code gasw-k8s} say. A full file is kept as {@code .1}, the one before as {@code .2}. */
final class PluginLog {
    // Jobs can write in the workflow directory: a link that one has put there is not followed.
    private static final Set<OpenOption> APPEND =
        Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND, LinkOption.NOFOLLOW_LINKS);
    private static final int OLD_FILES = 2;

    private final Path file;
    private final long maximum;
    private final GaswLog engine;
    private boolean isBroken;

    PluginLog(Path file, long maximum, GaswLog engine) {
        this.file = file;
        this.maximum = maximum;
        this.engine = engine;
    }

    void info(String message) {
        write("INFO", message);
    }

    /** Notes what the engine's administrator should know, in the engine's own log, too. */
    void warn(String message) {
        engine.warn(message);
        write("WARN", message);
    }

    private synchronized void write(String level, String message) {
        String line = Instant.now().truncatedTo(ChronoUnit.MILLIS) + " " + level + " " + message.replace('\n', ' ') + "\n";
        try {
            if (Files.exists(file, LinkOption.NOFOLLOW_LINKS) && Files.size(file) >= maximum) rotate();
            try (SeekableByteChannel channel = Files.newByteChannel(file, APPEND)) {
                channel.write(ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8)));
            }
            isBroken = false;
        } catch (IOException error) {
            if (!isBroken) engine.warn("cannot write " + file + ": " + error);
            isBroken = true;
        }
    }

    private void rotate() throws IOException {
        for (int number = OLD_FILES; number > 0; number--) {
            Path younger = number == 1 ? file : old(number - 1);
            if (Files.exists(younger)) Files.move(younger, old(number), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private Path old(int number) {
        return file.resolveSibling(file.getFileName() + "." + number);
    }
}
