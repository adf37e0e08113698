package fr.insalyon.creatis.gasw.dao;

import fr.insalyon.creatis.gasw.bean.JobMinorStatus;
import java.util.List;

public interface JobMinorStatusDAO {
    void add(JobMinorStatus jobMinorStatus) throws DAOException;

    List<JobMinorStatus> getExecutionMinorStatus(String jobID) throws DAOException;
}
