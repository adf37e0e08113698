package gaswk8s;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads JSON into maps, lists, strings, numbers (Double), booleans and null, and quotes strings: all that the plugin needs of it. */
final class Json {
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    /**
     * Reads a JSON document.
     *
     * @throws IllegalArgumentException where the text is not one
     */
    static Object parse(String text) {
        Json json = new Json(text);
        Object value = json.value();
        json.skipSpace();
        if (json.at < text.length()) throw json.unexpected();
        return value;
    }

    /** A string as JSON writes it. */
    static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            if (letter == '"' || letter == '\\') quoted.append('\\').append(letter);
            else if (letter < ' ') quoted.append(String.format("\\u%04x", (int) letter));
            else quoted.append(letter);
        }
        return quoted.append('"').toString();
    }

    private Object value() {
        skipSpace();
        if (at >= text.length()) throw unexpected();
        return switch (text.charAt(at)) {
            case '{' -> object();
            case '[' -> array();
            case '"' -> string();
            case 't' -> word("true", true);
            case 'f' -> word("false", false);
            case 'n' -> word("null", null);
            default -> number();
        };
    }

    private Map<String, Object> object() {
        Map<String, Object> object = new LinkedHashMap<>();
        at++;
        if (skips('}')) return object;
        do {
            skipSpace();
            String key = string();
            expect(':');
            object.put(key, value());
        } while (skips(','));
        expect('}');
        return object;
    }

    private List<Object> array() {
        List<Object> array = new ArrayList<>();
        at++;
        if (skips(']')) return array;
        do array.add(value());
        while (skips(','));
        expect(']');
        return array;
    }

    private String string() {
        expect('"');
        StringBuilder string = new StringBuilder();
        for (char letter = next(); letter != '"'; letter = next()) string.append(letter == '\\' ? escaped(next()) : letter);
        return string.toString();
    }

    private char escaped(char letter) {
        return switch (letter) {
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> (char) Integer.parseInt("" + next() + next() + next() + next(), 16);
            case '"', '\\', '/' -> letter;
            default -> throw unexpected();
        };
    }

    private Object word(String word, Object meaning) {
        if (!text.startsWith(word, at)) throw unexpected();
        at += word.length();
        return meaning;
    }

    private Double number() {
        int begin = at;
        while (at < text.length() && "+-.0123456789eE".indexOf(text.charAt(at)) >= 0) at++;
        if (begin == at) throw unexpected();
        return Double.valueOf(text.substring(begin, at));
    }

    private char next() {
        if (at >= text.length()) throw unexpected();
        return text.charAt(at++);
    }

    private boolean skips(char letter) {
        skipSpace();
        if (at >= text.length() || text.charAt(at) != letter) return false;
        at++;
        return true;
    }

    private void expect(char letter) {
        if (!skips(letter)) throw unexpected();
    }

    private void skipSpace() {
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) at++;
    }

    private IllegalArgumentException unexpected() {
        return new IllegalArgumentException("not JSON at character " + (at + 1));
    }
}
