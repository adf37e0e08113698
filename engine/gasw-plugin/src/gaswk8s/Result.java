package gaswk8s;

import fr.insalyon.creatis.gasw.bean.Job;
import java.io.File;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An invocation that is over, as {@code gasw-k8s} tells it; its fields are those of docs/output.schema.json. */
record Result(
    String id,
    String attemptId,
    String status,
    int exitCode,
    String message,
    Map<String, URI> uploads,
    File appStdout,
    File appStderr,
    File stdout,
    File stderr) {
    /** GASW's exit code where there is none. */
    private static final int UNDEFINED = -1;

    /** Reads a line; null where it is of another kind. */
    static Result from(Map<?, ?> line) {
        boolean isResult = line.get("kind") == null || "result".equals(line.get("kind"));
        if (!isResult || !(line.get("exitCode") instanceof Double exitCode)) return null;
        return new Result(
            text(line, "id"),
            text(line, "attemptId"),
            text(line, "status"),
            exitCode.intValue(),
            text(line, "message"),
            uploads(line.get("uploads")),
            file(line, "appStdout"),
            file(line, "appStderr"),
            file(line, "stdout"),
            file(line, "stderr"));
    }

    /** A submission that was refused. */
    static Result ofRefusal(String id, String message) {
        return withoutOutput(id, id, "ERROR", UNDEFINED, message);
    }

    /** An attempt that has failed, as its row states. */
    static Result ofFailure(Job job) {
        return withoutOutput(job.getFileName(), job.getId(), job.getStatus().name(), job.getExitCode(), job.getExitMessage());
    }

    private static Result withoutOutput(String id, String attempt, String status, int exitCode, String message) {
        String stdout = "out/" + id + ".sh";
        String stderr = "err/" + id + ".sh";
        Map<String, URI> none = new LinkedHashMap<>();
        return new Result(
            id, attempt, status, exitCode, message, none, here(stdout + ".app.out"), here(stderr + ".app.err"), here(stdout + ".out"), here(stderr + ".err"));
    }

    private static File here(String file) {
        return new File(file).getAbsoluteFile();
    }

    private static String text(Map<?, ?> line, String key) {
        return line.get(key) instanceof String text ? text : "";
    }

    private static File file(Map<?, ?> line, String key) {
        return new File(text(line, "directory"), text(line, key));
    }

    private static Map<String, URI> uploads(Object given) {
        Map<String, URI> uploads = new LinkedHashMap<>();
        if (!(given instanceof List<?> list)) return uploads;
        for (Object element : list) {
            if (!(element instanceof Map<?, ?> upload)) continue;
            String id = text(upload, "id");
            // GASW has one per id: those without one keep apart by their place.
            String key = id.isEmpty() || uploads.containsKey(id) ? id + "#" + uploads.size() : id;
            uploads.put(key, uri(text(upload, "uri")));
        }
        return uploads;
    }

    /** A place whose name has spaces or other letters that a URI may not have, too. */
    private static URI uri(String text) {
        try {
            return new URI(text);
        } catch (URISyntaxException unquoted) {
            return quoted(text);
        }
    }

    private static URI quoted(String text) {
        try {
            int colon = text.indexOf(':');
            return colon > 0 ? new URI(text.substring(0, colon), text.substring(colon + 1), null) : new URI(null, text, null);
        } catch (URISyntaxException unknown) {
            // No result is withheld for it.
            return URI.create(URLEncoder.encode(text, StandardCharsets.UTF_8));
        }
    }
}
