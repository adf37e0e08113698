package gaswk8s;

import fr.insalyon.creatis.gasw.GaswConfiguration;
import fr.insalyon.creatis.gasw.GaswException;
import fr.insalyon.creatis.gasw.GaswOutput;
import fr.insalyon.creatis.gasw.bean.Job;
import fr.insalyon.creatis.gasw.bean.JobMinorStatus;
import fr.insalyon.creatis.gasw.plugin.ListenerPlugin;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The engine's listeners. One that fails keeps nothing from the others. */
final class Listeners {
    private final PluginLog log;
    /** Attempts whose end was told: one that has failed may be held, and then released. */
    private final Set<String> finished = ConcurrentHashMap.newKeySet();

    Listeners(PluginLog log) {
        this.log = log;
    }

    void submitted(Job job) {
        tell(job.getId(), listener -> listener.jobSubmitted(job));
    }

    void changed(Job job) {
        tell(job.getId(), listener -> listener.jobStatusChanged(job));
    }

    void reached(JobMinorStatus minor) {
        tell(minor.getJob().getId(), listener -> listener.jobMinorStatusReported(minor));
    }

    /** Tells of the end of an attempt, once. */
    void finished(String attempt, GaswOutput output) {
        if (finished.add(attempt)) tell(attempt, listener -> listener.jobFinished(output));
    }

    private void tell(String attempt, Event event) {
        try {
            for (ListenerPlugin listener : GaswConfiguration.getInstance().getListenerPlugins()) tell(listener, attempt, event);
        } catch (GaswException error) {
            log.warn("the listeners were not told of " + attempt + ": " + error);
        }
    }

    private void tell(ListenerPlugin listener, String attempt, Event event) {
        try {
            event.tell(listener);
        } catch (GaswException | RuntimeException error) {
            log.warn("listener " + listener.getClass().getName() + " failed for " + attempt + ": " + error);
        }
    }

    private interface Event {
        void tell(ListenerPlugin listener) throws GaswException;
    }
}
