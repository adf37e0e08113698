package fr.insalyon.creatis.gasw.bean;

import fr.insalyon.creatis.gasw.execution.GaswMinorStatus;
import java.util.Date;

public class JobMinorStatus {
    private final Job job;
    private final GaswMinorStatus status;
    private final Date date;

    public JobMinorStatus(Job job, GaswMinorStatus status, Date date) {
        this.job = job;
        this.status = status;
        this.date = date;
    }

    public Job getJob() {
        return job;
    }

    public GaswMinorStatus getStatus() {
        return status;
    }

    public Date getDate() {
        return date;
    }
}
