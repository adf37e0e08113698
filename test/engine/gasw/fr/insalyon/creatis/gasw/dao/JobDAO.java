package fr.insalyon.creatis.gasw.dao;

import fr.insalyon.creatis.gasw.bean.Job;
import fr.insalyon.creatis.gasw.execution.GaswStatus;
import java.util.List;

public interface JobDAO {
    void add(Job job) throws DAOException;

    void update(Job job) throws DAOException;

    Job getJobByID(String id) throws DAOException;

    List<Job> getJobs(GaswStatus status) throws DAOException;

    long getNumberOfCompletedJobsByInvocationID(int invocationID) throws DAOException;

    List<Job> getActiveJobsByInvocationID(int invocationID) throws DAOException;

    List<Job> getFailedJobsByInvocationID(int invocationID) throws DAOException;

    List<Job> getByFileName(String filename) throws DAOException;
}
