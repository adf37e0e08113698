package gaswk8s;

import fr.insalyon.creatis.gasw.GaswException;

/** What an engine has open from its first job to its end. */
final class Session {
    /** What each step of the end may take, in seconds: together less than the 120 s that a stopped engine has. */
    private static final long MONITOR_SECONDS = 20;
    private static final long CLEANUP_SECONDS = 40;
    private static final long SYNC_SECONDS = 20;
    /** At the end of a workflow nobody waits for the engine: a round under way is finished, and all is removed. */
    private static final long LAST_ROUND_SECONDS = 60;
    private static final long REMOVAL_SECONDS = 600;

    private final boolean leavesRunning;
    private final PluginLog log;
    private final Tool tool;
    private final Ledger ledger = new Ledger();
    private final Listeners listeners;
    private final Rows rows;
    private final Teller teller;
    private final SubmitChannel submissions;
    private final MonitorChannel monitor;

    private Session(Settings settings) {
        leavesRunning = settings.leavesRunning();
        log = new PluginLog(settings.log(), settings.logBytes(), GaswLog.find());
        tool = new Tool(settings, log);
        listeners = new Listeners(log);
        rows = new Rows(listeners, log);
        teller = new Teller(ledger, rows, listeners, log);
        submissions = new SubmitChannel(tool, log, settings.isKeptOpen());
        monitor = new MonitorChannel(tool, log, ledger::add, rows::tellChange);
    }

    static Session open() throws GaswException {
        Session session = new Session(Settings.read());
        session.start();
        return session;
    }

    private void start() throws GaswException {
        try {
            submissions.open();
        } catch (ToolException error) {
            throw failure(error);
        }
        monitor.open();
        teller.start();
        Runtime.getRuntime().addShutdownHook(new Thread(submissions::abort, "gasw-k8s stop"));
    }

    /**
     * Submits a job, whose row is there before, as GASW has it. One that is refused is told as failed: an engine that gets an exception
     * may wait for ever for the jobs that it has submitted before.
     *
     * @throws GaswException where no job can be submitted; the row then says why
     */
    String submit(Script script) throws GaswException {
        String id = script.id();
        addRow(script);
        try {
            String refusal = submissions.submit(script.path());
            if (refusal == null) log.info(id + " was submitted");
            else refuse(id, refusal);
        } catch (ToolException error) {
            rows.fail(id, error.getMessage());
            throw failure(error);
        }
        ledger.expect(id);
        rows.tellChange(id);
        return id;
    }

    private void addRow(Script script) throws GaswException {
        String id = script.id();
        try {
            rows.add(id, script.command(), id, script.parameters());
        } catch (GaswException | RuntimeException error) {
            rows.fail(id, error.toString());
            throw new GaswException("gasw-k8s: " + error);
        }
    }

    private void refuse(String id, String message) {
        log.warn(id + " was refused: " + message);
        rows.fail(id, message);
        ledger.add(Result.ofRefusal(id, "gasw-k8s: " + message));
    }

    /** Whether the engine was told of all that it has submitted. */
    boolean isSettled() {
        return ledger.isSettled();
    }

    /** Ends at the end of the workflow: all that is over is told, and nothing stays in the cluster. */
    void finish() throws GaswException {
        submissions.close();
        monitor.close(LAST_ROUND_SECONDS);
        teller.tell();
        tried(REMOVAL_SECONDS, log::info, "cleanup", "--yes");
    }

    /** Ends because the engine is stopped: jobs are cancelled unless they are to go on, and their rows say so. */
    void stop() throws GaswException {
        submissions.close();
        monitor.close(MONITOR_SECONDS);
        if (leavesRunning) log.info("the engine is stopped: its jobs go on");
        else {
            tried(CLEANUP_SECONDS, log::info, "cleanup", "--yes", "--cancel");
            String cursor = String.valueOf(monitor.cursor());
            tried(SYNC_SECONDS, monitor::hear, "status", "--sync", "-o", "ndjson", "--since", cursor);
        }
        teller.tell();
    }

    /** Runs one of the last commands; where it fails, `gasw-k8s cleanup --orphaned` finds what is left. */
    private void tried(long seconds, Tool.LineReader reader, String... command) {
        try {
            tool.run(seconds, reader, command);
        } catch (ToolException error) {
            log.warn("gasw-k8s " + String.join(" ", command) + " failed: " + error.getMessage());
        }
    }

    private GaswException failure(ToolException error) {
        return new GaswException("gasw-k8s: " + error.getMessage());
    }
}
