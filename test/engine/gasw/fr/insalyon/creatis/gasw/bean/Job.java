package fr.insalyon.creatis.gasw.bean;

import fr.insalyon.creatis.gasw.execution.GaswStatus;
import java.util.Date;

public class Job {
    private final String id;
    private final String simulationID;
    private final String command;
    private final String fileName;
    private final String parameters;
    private final String executor;
    private GaswStatus status;
    private String exitMessage = "";
    private int exitCode = -1;
    private int invocationID = -1;
    private Date creation;
    private Date queued;
    private Date download;
    private Date running;
    private Date upload;
    private Date end;

    public Job(
            String id, String simulationID, GaswStatus status, String command, String fileName, String parameters, String executor) {
        this.id = id;
        this.simulationID = simulationID;
        this.status = status;
        this.command = command;
        this.fileName = fileName;
        this.parameters = parameters;
        this.executor = executor;
    }

    public String getId() {
        return id;
    }

    public String getSimulationID() {
        return simulationID;
    }

    public String getCommand() {
        return command;
    }

    public String getFileName() {
        return fileName;
    }

    public String getParameters() {
        return parameters;
    }

    public String getExecutor() {
        return executor;
    }

    public GaswStatus getStatus() {
        return status;
    }

    public void setStatus(GaswStatus status) {
        this.status = status;
    }

    public String getExitMessage() {
        return exitMessage;
    }

    public void setExitMessage(String exitMessage) {
        this.exitMessage = exitMessage;
    }

    public int getExitCode() {
        return exitCode;
    }

    public void setExitCode(int exitCode) {
        this.exitCode = exitCode;
    }

    public int getInvocationID() {
        return invocationID;
    }

    public void setInvocationID(int invocationID) {
        this.invocationID = invocationID;
    }

    public Date getCreation() {
        return creation;
    }

    public void setCreation(Date creation) {
        this.creation = creation;
    }

    public Date getQueued() {
        return queued;
    }

    public void setQueued(Date queued) {
        this.queued = queued;
    }

    public Date getDownload() {
        return download;
    }

    public void setDownload(Date download) {
        this.download = download;
    }

    public Date getRunning() {
        return running;
    }

    public void setRunning(Date running) {
        this.running = running;
    }

    public Date getUpload() {
        return upload;
    }

    public void setUpload(Date upload) {
        this.upload = upload;
    }

    public Date getEnd() {
        return end;
    }

    public void setEnd(Date end) {
        this.end = end;
    }
}
