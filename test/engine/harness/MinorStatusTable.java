package harness;

import fr.insalyon.creatis.gasw.bean.Job;
import fr.insalyon.creatis.gasw.bean.JobMinorStatus;
import fr.insalyon.creatis.gasw.dao.DAOException;
import fr.insalyon.creatis.gasw.dao.JobMinorStatusDAO;
import fr.insalyon.creatis.gasw.execution.GaswMinorStatus;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.List;

/** The table JobsMinorStatus, whose ids GASW's Hibernate counts in the engine, from the largest that it has found at first. */
final class MinorStatusTable implements JobMinorStatusDAO {
    private static int nextId;
    private final Connection connection;
    private final JobTable jobs;

    MinorStatusTable(Connection connection, JobTable jobs) {
        this.connection = connection;
        this.jobs = jobs;
    }

    @Override
    public void add(JobMinorStatus minor) throws DAOException {
        String sql = "INSERT INTO JOBSMINORSTATUS (STATUSID, ID, MINOR_STATUS, EVENT_DATE) VALUES (?, ?, ?, ?)";
        synchronized (jobs) {
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                if (nextId == 0) nextId = largestId() + 1;
                Object[] values = {
                    nextId++, minor.getJob().getId(), minor.getStatus().name(), new Timestamp(minor.getDate().getTime())
                };
                for (int index = 0; index < values.length; index++) statement.setObject(index + 1, values[index]);
                statement.executeUpdate();
            } catch (SQLException error) {
                throw new DAOException(error);
            }
        }
    }

    @Override
    public List<JobMinorStatus> getExecutionMinorStatus(String jobID) throws DAOException {
        String sql = "SELECT MINOR_STATUS, EVENT_DATE FROM JOBSMINORSTATUS WHERE ID = ? ORDER BY EVENT_DATE";
        Job job = jobs.getJobByID(jobID);
        synchronized (jobs) {
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                statement.setString(1, jobID);
                List<JobMinorStatus> found = new ArrayList<>();
                try (ResultSet row = statement.executeQuery()) {
                    while (row.next())
                        found.add(new JobMinorStatus(job, GaswMinorStatus.valueOf(row.getString(1)), row.getTimestamp(2)));
                }
                return found;
            } catch (SQLException error) {
                throw new DAOException(error);
            }
        }
    }

    private int largestId() throws SQLException {
        try (ResultSet row = connection.createStatement().executeQuery("SELECT COALESCE(MAX(STATUSID), 0) FROM JOBSMINORSTATUS")) {
            row.next();
            return row.getInt(1);
        }
    }
}
