package fr.insalyon.creatis.gasw;

import fr.insalyon.creatis.gasw.plugin.ExecutorPlugin;
import java.util.List;

public class Gasw {
    private static Gasw instance;
    private ExecutorPlugin executor;

    public static synchronized Gasw getInstance() throws GaswException {
        if (instance == null) instance = new Gasw();
        return instance;
    }

    public void setExecutor(ExecutorPlugin executor) {
        this.executor = executor;
    }

    public synchronized String submit(GaswInput gaswInput) throws GaswException {
        executor.load(gaswInput);
        return executor.submit();
    }

    /** Waits for what was told since the last call. GASW has the engine notified, and then asked for it under this lock. */
    public List<GaswOutput> takeFinishedJobs() throws InterruptedException {
        List<GaswOutput> taken = GaswNotification.getInstance().take();
        synchronized (this) {
            return taken;
        }
    }

    public synchronized void terminate(boolean force) throws GaswException {
        executor.terminate();
    }
}
