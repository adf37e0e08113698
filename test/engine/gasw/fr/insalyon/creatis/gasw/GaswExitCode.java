package fr.insalyon.creatis.gasw;

public enum GaswExitCode {
    SUCCESS(0),
    ERROR_FILE_NOT_FOUND(3),
    EXECUTION_CANCELED(9),
    UNDEFINED(-1);

    private final int exitCode;

    GaswExitCode(int exitCode) {
        this.exitCode = exitCode;
    }

    public int getExitCode() {
        return exitCode;
    }
}
