package fr.insalyon.creatis.gasw;

import java.io.File;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

public class GaswOutput {
    private final String jobID;
    private final GaswExitCode exitCode;
    private final String exitMessage;
    private final Map<String, URI> uploadedResults;
    private final File stdOut;

    public GaswOutput(
            String jobID,
            GaswExitCode exitCode,
            String exitMessage,
            Map<String, URI> uploadedResults,
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
        return new ArrayList<>(uploadedResults.values());
    }

    public File getStdOut() {
        return stdOut;
    }
}
