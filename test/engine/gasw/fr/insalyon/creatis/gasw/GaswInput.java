package fr.insalyon.creatis.gasw;

import java.util.ArrayList;
import java.util.List;

public class GaswInput {
    private final String executableName;
    private final String invocationString;
    private final String jobId;
    private final List<String> parameters = new ArrayList<>();

    public GaswInput(String executableName, String invocationString, String jobId) {
        this.executableName = executableName;
        this.invocationString = invocationString;
        this.jobId = jobId;
    }

    public String getExecutableName() {
        return executableName;
    }

    public String getInvocationString() {
        return invocationString;
    }

    public String getJobId() {
        return jobId;
    }

    public void addParameter(String parameter) {
        parameters.add(parameter);
    }

    public List<String> getParameters() {
        return parameters;
    }
}
