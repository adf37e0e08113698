package gaswk8s;

import fr.insalyon.creatis.gasw.bean.Job;
import fr.insalyon.creatis.gasw.bean.JobMinorStatus;
import fr.insalyon.creatis.gasw.dao.DAOException;
import fr.insalyon.creatis.gasw.dao.DAOFactory;
import fr.insalyon.creatis.gasw.dao.JobMinorStatusDAO;
import fr.insalyon.creatis.gasw.execution.GaswMinorStatus;
import java.util.ArrayList;
import java.util.Date;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The minor statuses of jobs, which are what the dates of their rows say. GASW's own class adds them: it counts their ids in the engine. */
final class MinorStatuses {
    private final Listeners listeners;

    MinorStatuses(Listeners listeners) {
        this.listeners = listeners;
    }

    /** Adds those of a job that are not there yet, and tells the engine's listeners of each. */
    void report(Job job) throws DAOException {
        addMissing(job).forEach(listeners::reached);
    }

    private synchronized List<JobMinorStatus> addMissing(Job job) throws DAOException {
        JobMinorStatusDAO dao = DAOFactory.getDAOFactory().getJobMinorStatusDAO();
        Set<GaswMinorStatus> known = EnumSet.noneOf(GaswMinorStatus.class);
        for (JobMinorStatus minor : dao.getExecutionMinorStatus(job.getId())) known.add(minor.getStatus());
        List<JobMinorStatus> added = new ArrayList<>();
        for (Map.Entry<GaswMinorStatus, Date> reached : reachedBy(job).entrySet()) {
            if (reached.getValue() == null || known.contains(reached.getKey())) continue;
            JobMinorStatus minor = new JobMinorStatus(job, reached.getKey(), reached.getValue());
            dao.add(minor);
            added.add(minor);
        }
        return added;
    }

    /** The dates of the stages, in their order; null where one was not reached. */
    private static Map<GaswMinorStatus, Date> reachedBy(Job job) {
        Map<GaswMinorStatus, Date> reached = new EnumMap<>(GaswMinorStatus.class);
        reached.put(GaswMinorStatus.Started, job.getDownload());
        // While it runs, nothing else is known. What never ran has no stages.
        if (job.getEnd() == null || job.getDownload() == null) return reached;
        reached.put(GaswMinorStatus.Inputs, job.getDownload());
        reached.put(GaswMinorStatus.Application, job.getRunning());
        reached.put(GaswMinorStatus.Outputs, job.getUpload());
        reached.put(GaswMinorStatus.Finished, job.getEnd());
        return reached;
    }
}
