package harness;

import fr.insalyon.creatis.gasw.bean.Job;
import fr.insalyon.creatis.gasw.dao.DAOException;
import fr.insalyon.creatis.gasw.dao.DAOFactory;
import fr.insalyon.creatis.gasw.dao.JobDAO;
import fr.insalyon.creatis.gasw.dao.JobMinorStatusDAO;
import fr.insalyon.creatis.gasw.execution.GaswStatus;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;

/** The table Jobs of an H2 server, with the statements that GASW's Hibernate comes down to: it writes whole rows. */
final class JobTable extends DAOFactory implements JobDAO {
    private static final String UPDATE =
        "UPDATE JOBS SET STATUS = ?, EXIT_MESSAGE = ?, EXIT_CODE = ?, QUEUED = ?, END_E = ?, INVOCATION_ID = ? WHERE ID = ?";
    private static final String ALL = "SELECT * FROM JOBS WHERE ";
    private static final String ACTIVE = "'SUCCESSFULLY_SUBMITTED', 'QUEUED', 'RUNNING', 'KILL', 'REPLICATE', 'RESCHEDULE'";
    private final Connection connection;

    /** @param schema what makes Hibernate's tables, run where they are missing */
    JobTable(String url, String schema) throws SQLException {
        connection = DriverManager.getConnection(url, "gasw", "gasw");
        connection.createStatement().execute("SET LOCK_TIMEOUT 60000");
        try (ResultSet tables = connection.getMetaData().getTables(null, "PUBLIC", "JOBS", null)) {
            if (!tables.next()) connection.createStatement().execute("RUNSCRIPT FROM '" + schema + "'");
        }
    }

    @Override
    public JobDAO getJobDAO() {
        return this;
    }

    @Override
    public JobMinorStatusDAO getJobMinorStatusDAO() {
        return new MinorStatusTable(connection, this);
    }

    @Override
    public synchronized void add(Job job) throws DAOException {
        String names = "STATUS, EXIT_MESSAGE, EXIT_CODE, QUEUED, END_E, ID, SIMULATION_ID, CREATION, COMMAND, FILE_NAME, PARAMETERS, "
            + "EXECUTOR, INVOCATION_ID, ISREPLICATING, ISBEINGKILLED, CHECKPOINT_INIT, CHECKPOINT_UPLOAD";
        write(
            "INSERT INTO JOBS (" + names + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, FALSE, FALSE, 0, 0)",
            job,
            job.getId(),
            job.getSimulationID(),
            timestamp(job.getCreation()),
            job.getCommand(),
            job.getFileName(),
            job.getParameters(),
            job.getExecutor(),
            job.getInvocationID());
    }

    @Override
    public synchronized void update(Job job) throws DAOException {
        write(UPDATE, job, job.getInvocationID(), job.getId());
    }

    @Override
    public Job getJobByID(String id) throws DAOException {
        List<Job> jobs = where("ID = ?", id);
        return jobs.isEmpty() ? null : jobs.get(0);
    }

    @Override
    public List<Job> getJobs(GaswStatus status) throws DAOException {
        return where("STATUS = ?", status.name());
    }

    @Override
    public long getNumberOfCompletedJobsByInvocationID(int invocationID) throws DAOException {
        return where("STATUS = 'COMPLETED' AND INVOCATION_ID = ?", invocationID).size();
    }

    @Override
    public List<Job> getActiveJobsByInvocationID(int invocationID) throws DAOException {
        return where("STATUS IN (" + ACTIVE + ") AND INVOCATION_ID = ?", invocationID);
    }

    @Override
    public List<Job> getFailedJobsByInvocationID(int invocationID) throws DAOException {
        return where("STATUS IN ('ERROR', 'STALLED', 'ERROR_HELD', 'STALLED_HELD') AND INVOCATION_ID = ?", invocationID);
    }

    @Override
    public List<Job> getByFileName(String filename) throws DAOException {
        return where("FILE_NAME = ?", filename);
    }

    private void write(String sql, Job job, Object... more) throws DAOException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            Object[] first = {
                job.getStatus().name(), job.getExitMessage(), job.getExitCode(), timestamp(job.getQueued()), timestamp(job.getEnd())
            };
            for (int index = 0; index < first.length; index++) statement.setObject(index + 1, first[index]);
            for (int index = 0; index < more.length; index++) statement.setObject(first.length + index + 1, more[index]);
            statement.executeUpdate();
        } catch (SQLException error) {
            throw new DAOException(error);
        }
    }

    private synchronized List<Job> where(String condition, Object value) throws DAOException {
        try (PreparedStatement statement = connection.prepareStatement(ALL + condition)) {
            statement.setObject(1, value);
            List<Job> jobs = new ArrayList<>();
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) jobs.add(job(row));
            }
            return jobs;
        } catch (SQLException error) {
            throw new DAOException(error);
        }
    }

    private static Job job(ResultSet row) throws SQLException {
        Job job = new Job(
            row.getString("ID"),
            row.getString("SIMULATION_ID"),
            GaswStatus.valueOf(row.getString("STATUS")),
            row.getString("COMMAND"),
            row.getString("FILE_NAME"),
            row.getString("PARAMETERS"),
            row.getString("EXECUTOR"));
        job.setExitMessage(row.getString("EXIT_MESSAGE"));
        job.setExitCode(row.getInt("EXIT_CODE"));
        job.setInvocationID(row.getInt("INVOCATION_ID"));
        job.setCreation(row.getTimestamp("CREATION"));
        job.setQueued(row.getTimestamp("QUEUED"));
        job.setDownload(row.getTimestamp("DOWNLOAD"));
        job.setRunning(row.getTimestamp("RUNNING"));
        job.setUpload(row.getTimestamp("UPLOAD"));
        job.setEnd(row.getTimestamp("END_E"));
        return job;
    }

    private static Timestamp timestamp(Date date) {
        return date == null ? null : new Timestamp(date.getTime());
    }
}
