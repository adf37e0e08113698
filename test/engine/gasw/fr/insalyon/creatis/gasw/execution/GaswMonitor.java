package fr.insalyon.creatis.gasw.execution;

import fr.insalyon.creatis.gasw.GaswConfiguration;
import fr.insalyon.creatis.gasw.GaswException;
import fr.insalyon.creatis.gasw.bean.Job;
import fr.insalyon.creatis.gasw.dao.DAOException;
import fr.insalyon.creatis.gasw.dao.DAOFactory;
import fr.insalyon.creatis.gasw.dao.JobDAO;
import fr.insalyon.creatis.gasw.plugin.ListenerPlugin;
import java.util.Date;
import java.util.List;

public abstract class GaswMonitor extends Thread {
    private static int nextInvocation = 1;
    protected JobDAO jobDAO;

    protected GaswMonitor() {
        try {
            jobDAO = DAOFactory.getDAOFactory().getJobDAO();
        } catch (DAOException error) {
            throw new IllegalStateException(error);
        }
    }

    protected synchronized void add(Job job) throws GaswException {
        try {
            List<Job> earlier = jobDAO.getByFileName(job.getFileName());
            job.setInvocationID(earlier.isEmpty() ? nextInvocation++ : earlier.get(0).getInvocationID());
            job.setCreation(new Date());
            jobDAO.add(job);
            for (ListenerPlugin listener : GaswConfiguration.getInstance().getListenerPlugins()) listener.jobSubmitted(job);
        } catch (DAOException error) {
            throw new GaswException(error);
        }
    }

    public abstract void add(String jobID, String symbolicName, String fileName, String parameters) throws GaswException;

    protected abstract void kill(Job job);

    protected abstract void reschedule(Job job);

    protected abstract void replicate(Job job);

    protected abstract void killReplicas(Job job);

    protected abstract void resume(Job job);
}
