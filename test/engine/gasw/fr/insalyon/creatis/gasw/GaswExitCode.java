package fr.insalyon.creatis.gasw;

public enum GaswExitCode {
    SUCCESS(0),
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
