package fr.insalyon.creatis.gasw;

public class GaswException extends Exception {
    private static final long serialVersionUID = 1;

    public GaswException(Exception cause) {
        super(cause);
    }

    public GaswException(String message) {
        super(message);
    }
}
