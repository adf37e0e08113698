package fr.insalyon.creatis.gasw;

import java.io.File;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

public class GaswOutput {
    private final String jobID;
    private final GaswExitCode exitCode;
    private final String exitMessage;
    private final List<URI> uploadedResults;
    private final File stdOut;

    public GaswOutput(
            String jobID,
            GaswExitCode exitCode,
            String exitMessage,
            List<URI> uploadedResults,
            File appStdOut,
            File appStdErr,
            File stdOut,
            File stdErr) {
        this.jobID = jobID;
        this.exitCode = exitCode;
        this.exitMessage = exitMessage;
        this.uploadedResults = uploadedResults;
        this.stdOut = stdOut;
    }

    public String getJobID() {
        return jobID;
    }

    public GaswExitCode getExitCode() {
        return exitCode;
    }

    public String getExitMessage() {
        return exitMessage;
    }

    public List<URI> getUploadedResults() {
        return new ArrayList<>(uploadedResults);
    }

    public File getStdOut() {
        return stdOut;
    }
}
