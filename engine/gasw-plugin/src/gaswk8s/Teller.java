package gaswk8s;

import fr.insalyon.creatis.gasw.Gasw;
import fr.insalyon.creatis.gasw.GaswConfiguration;
import fr.insalyon.creatis.gasw.GaswException;
import fr.insalyon.creatis.gasw.GaswExitCode;
import fr.insalyon.creatis.gasw.GaswNotification;
import fr.insalyon.creatis.gasw.GaswOutput;
import fr.insalyon.creatis.gasw.plugin.ListenerPlugin;
import java.lang.reflect.Constructor;
import java.util.ArrayList;
import java.util.Map;

/** Tells the engine and its listeners what is over. */
final class Teller {
    private final Ledger ledger;
    private final Rows rows;
    private final PluginLog log;

    Teller(Ledger ledger, Rows rows, PluginLog log) {
        this.ledger = ledger;
        this.rows = rows;
        this.log = log;
    }

    void start() {
        Daemon.start("gasw-k8s results", this::run);
    }

    private void run() {
        try {
            while (true) {
                ledger.await();
                tell();
            }
        } catch (InterruptedException stopped) {
            log.info("the engine is told nothing more");
        } catch (GaswException error) {
            log.warn("the engine cannot be told any more: " + error.getMessage());
        }
    }

    /**
     * Tells all that is due. Under the lock of Gasw: getFinishedJobs empties GASW's list under that one alone, and would lose what is added
     * meanwhile.
     */
    void tell() throws GaswException {
        synchronized (Gasw.getInstance()) {
            for (Result result : ledger.take()) tell(result);
        }
    }

    private void tell(Result result) throws GaswException {
        GaswOutput output = outputOf(result);
        rows.tellChange(result.attemptId());
        for (ListenerPlugin listener : GaswConfiguration.getInstance().getListenerPlugins()) {
            try {
                listener.jobFinished(output);
            } catch (GaswException | RuntimeException error) {
                log.warn("a listener failed at the end of " + result.id() + ": " + error);
            }
        }
        GaswNotification.getInstance().addFinishedJob(output);
        log.info(result.id() + " is over: " + result.status() + ", exit code " + result.exitCode());
    }

    /** GASW before 4.1 has a list in place of the map of uploads. */
    private static GaswOutput outputOf(Result result) throws GaswException {
        try {
            Constructor<?> constructor = GaswOutput.class.getConstructors()[0];
            boolean hasMap = constructor.getParameterTypes()[3] == Map.class;
            return (GaswOutput) constructor.newInstance(
                result.id(),
                exitCodeOf(result.exitCode()),
                result.message(),
                hasMap ? result.uploads() : new ArrayList<>(result.uploads().values()),
                result.appStdout(),
                result.appStderr(),
                result.stdout(),
                result.stderr());
        } catch (ReflectiveOperationException error) {
            throw new GaswException(error);
        }
    }

    private static GaswExitCode exitCodeOf(int number) {
        for (GaswExitCode code : GaswExitCode.values()) if (code.getExitCode() == number) return code;
        return GaswExitCode.UNDEFINED;
    }
}
