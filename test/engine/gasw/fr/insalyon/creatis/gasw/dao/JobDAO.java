package fr.insalyon.creatis.gasw.dao;

import fr.insalyon.creatis.gasw.bean.Job;
import java.util.List;

public interface JobDAO {
    void add(Job job) throws DAOException;

    void update(Job job) throws DAOException;

    Job getJobByID(String id) throws DAOException;

    long getNumberOfCompletedJobsByInvocationID(int invocationID) throws DAOException;

    List<Job> getActiveJobsByInvocationID(int invocationID) throws DAOException;

    List<Job> getFailedJobsByInvocationID(int invocationID) throws DAOException;

    List<Job> getByFileName(String filename) throws DAOException;
}
