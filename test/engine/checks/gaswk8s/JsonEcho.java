package gaswk8s;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Reads lines of JSON with the plugin's reader and writes each again; a line that is not JSON is answered with the reason. */
final class JsonEcho {
    private JsonEcho() {}

    public static void main(String[] arguments) throws IOException {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        try (BufferedReader lines = Tool.reader(System.in)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) out.println(echo(line));
        }
    }

    private static String echo(String line) {
        try {
            return written(Json.parse(line));
        } catch (IllegalArgumentException error) {
            return "refused: " + error.getMessage();
        }
    }

    private static String written(Object value) {
        if (value instanceof String text) return Json.quote(text);
        if (value instanceof List<?> list) return list.stream().map(JsonEcho::written).collect(Collectors.joining(",", "[", "]"));
        if (!(value instanceof Map<?, ?> map)) return String.valueOf(value);
        return map.entrySet().stream()
            .map(entry -> Json.quote((String) entry.getKey()) + ":" + written(entry.getValue()))
            .collect(Collectors.joining(",", "{", "}"));
    }
}
