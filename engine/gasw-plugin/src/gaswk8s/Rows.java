package gaswk8s;

import fr.insalyon.creatis.gasw.GaswConfiguration;
import fr.insalyon.creatis.gasw.GaswException;
import fr.insalyon.creatis.gasw.GaswOutput;
import fr.insalyon.creatis.gasw.bean.Job;
import fr.insalyon.creatis.gasw.dao.DAOException;
import fr.insalyon.creatis.gasw.dao.JobDAO;
import fr.insalyon.creatis.gasw.execution.GaswMonitor;
import fr.insalyon.creatis.gasw.execution.GaswStatus;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The rows of jobs in the GASW database. GASW's own class adds them, so that they have what it gives them; from then on {@code gasw-k8s}
 * writes them. It is a thread for GASW's sake, and never started: {@code gasw-k8s monitor} does what a GaswMonitor does.
 */
final class Rows extends GaswMonitor {
    private static final int MESSAGE_LENGTH = 255;
    private static final List<GaswStatus> GIVEN_UP =
        List.of(GaswStatus.DELETED, GaswStatus.DELETED_REPLICA, GaswStatus.CANCELLED, GaswStatus.CANCELLED_REPLICA);
    private static final Set<GaswStatus> FAILED =
        Set.of(GaswStatus.ERROR, GaswStatus.STALLED, GaswStatus.ERROR_HELD, GaswStatus.STALLED_HELD);

    private final PluginLog log;
    private final Listeners listeners;
    private final MinorStatuses minorStatuses;
    /** The status that was told last, by attempt. */
    private final Map<String, GaswStatus> told = new HashMap<>();
    private final Date begin = new Date();
    /** Where GASW's numbers are others': no smaller one is free. 0: not known yet. */
    private int nextFree;

    Rows(Listeners listeners, PluginLog log) {
        this.listeners = listeners;
        this.log = log;
        minorStatuses = new MinorStatuses(listeners);
        jobDAO = numbering(jobDAO);
    }

    /** Adds the row of a job that has none: an engine that is started again submits what it had submitted before. */
    @Override
    public synchronized void add(String id, String command, String fileName, String parameters) throws GaswException {
        try {
            if (jobDAO.getJobByID(id) != null) return;
        } catch (DAOException error) {
            throw new GaswException(error);
        }
        String simulation = GaswConfiguration.getInstance().getSimulationID();
        Job job = new Job(id, simulation, GaswStatus.QUEUED, command, fileName, parameters, KubernetesExecutor.NAME);
        add(job);
    }

    /**
     * GASW counts invocations from 1 in every process: one that is started again would give the numbers of others a second time. It gives
     * the number right before it hands the row on, which is here.
     */
    private JobDAO numbering(JobDAO dao) {
        Class<?>[] interfaces = {JobDAO.class};
        return (JobDAO) Proxy.newProxyInstance(JobDAO.class.getClassLoader(), interfaces, (proxy, method, arguments) -> {
            if (method.getName().equals("add")) renumber((Job) arguments[0]);
            try {
                return method.invoke(dao, arguments);
            } catch (InvocationTargetException error) {
                throw error.getCause();
            }
        });
    }

    private void renumber(Job job) throws DAOException {
        if (nextFree == 0) nextFree = 1 + largestGivenUp();
        int number = Math.max(job.getInvocationID(), nextFree);
        while (isTaken(number, job.getFileName())) number++;
        if (number > job.getInvocationID()) nextFree = number + 1;
        job.setInvocationID(number);
    }

    /** GASW has no query for the jobs of a number that were given up. */
    private int largestGivenUp() throws DAOException {
        int largest = 0;
        for (GaswStatus status : GIVEN_UP)
            for (Job job : jobDAO.getJobs(status)) largest = Math.max(largest, job.getInvocationID());
        return largest;
    }

    private boolean isTaken(int number, String fileName) throws DAOException {
        if (jobDAO.getNumberOfCompletedJobsByInvocationID(number) > 0) return true;
        List<Job> others = new ArrayList<>(jobDAO.getActiveJobsByInvocationID(number));
        others.addAll(jobDAO.getFailedJobsByInvocationID(number));
        return others.stream().anyMatch(other -> !other.getFileName().equals(fileName));
    }

    /** Ends the row of a job that was not submitted, which nobody else would. */
    void fail(String id, String message) {
        try {
            Job job = jobDAO.getJobByID(id);
            if (job == null || job.getStatus() != GaswStatus.QUEUED) return;
            job.setStatus(GaswStatus.ERROR);
            job.setExitMessage(message.substring(0, Math.min(message.length(), MESSAGE_LENGTH)));
            if (job.getQueued() == null) job.setQueued(job.getCreation());
            job.setEnd(new Date());
            jobDAO.update(job);
            tellChange(id);
        } catch (DAOException error) {
            log.warn("the row of " + id + " stays QUEUED: " + error.getMessage());
        }
    }

    /**
     * Tells the engine's listeners of each status that a job's row comes to, once, and of each attempt that fails; adds minor statuses where
     * the engine asks for them.
     */
    void tellChange(String id) {
        try {
            Job job;
            GaswStatus before;
            // One thread must not tell an older status than another has told.
            synchronized (told) {
                job = jobDAO.getJobByID(id);
                if (job == null) return;
                before = told.put(id, job.getStatus());
            }
            if (before == job.getStatus()) return;
            if (before == null && isNewAttempt(job)) listeners.submitted(job);
            listeners.changed(job);
            if (GaswConfiguration.getInstance().isMinorStatusEnabled()) minorStatuses.report(job);
            if (FAILED.contains(job.getStatus())) tellFailure(job);
        } catch (DAOException | GaswException | RuntimeException error) {
            log.warn("the listeners were not told of " + id + ": " + error);
        }
    }

    /** One that was made by a retry while this engine runs: those of an engine before were told there. */
    private boolean isNewAttempt(Job job) {
        return !job.getId().equals(job.getFileName()) && !job.getCreation().before(begin);
    }

    /** The engine waits on: its invocation is retried, or held. */
    private void tellFailure(Job job) throws GaswException {
        GaswOutput output = Outputs.of(Result.ofFailure(job));
        listeners.finished(job.getId(), output);
        Outputs.noteFailure(output);
    }

    @Override
    protected void kill(Job job) {}

    @Override
    protected void reschedule(Job job) {}

    @Override
    protected void replicate(Job job) {}

    @Override
    protected void killReplicas(Job job) {}

    @Override
    protected void resume(Job job) {}
}
