package gaswk8s;

import fr.insalyon.creatis.gasw.Gasw;
import fr.insalyon.creatis.gasw.GaswException;
import fr.insalyon.creatis.gasw.GaswNotification;
import fr.insalyon.creatis.gasw.GaswOutput;

/** Tells the engine and its listeners what is over. */
final class Teller {
    private final Ledger ledger;
    private final Rows rows;
    private final Listeners listeners;
    private final PluginLog log;

    Teller(Ledger ledger, Rows rows, Listeners listeners, PluginLog log) {
        this.ledger = ledger;
        this.rows = rows;
        this.listeners = listeners;
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
        GaswOutput output = Outputs.of(result);
        rows.tellChange(result.attemptId());
        listeners.finished(result.attemptId(), output);
        GaswNotification.getInstance().addFinishedJob(output);
        log.info(result.id() + " is over: " + result.status() + ", exit code " + result.exitCode());
    }
}
