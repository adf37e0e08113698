package gaswk8s;

/** What {@code gasw-k8s} could not do, in its own words. */
final class ToolException extends Exception {
    private static final long serialVersionUID = 1;

    ToolException(String message, String hint) {
        super(words(message, hint));
    }

    static String words(String message, String hint) {
        return hint.isEmpty() ? message : message + " (hint: " + hint + ")";
    }
}
