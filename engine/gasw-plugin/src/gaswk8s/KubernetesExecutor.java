package gaswk8s;

import fr.insalyon.creatis.gasw.GaswException;
import fr.insalyon.creatis.gasw.GaswInput;
import fr.insalyon.creatis.gasw.plugin.ExecutorPlugin;
import java.util.ArrayList;
import java.util.List;
import net.xeoh.plugins.base.annotations.PluginImplementation;

/** Runs GASW's jobs on Kubernetes through {@code gasw-k8s}. */
@PluginImplementation
public final class KubernetesExecutor implements ExecutorPlugin {
    /** What {@code default.executor} says, also where the Java plugin was used before. */
    static final String NAME = "Kubernetes";

    private Session session;
    private Script script;

    @Override
    public String getName() {
        return NAME;
    }

    @Override
    public synchronized void load(GaswInput input) throws GaswException {
        if (session == null) session = Session.open();
        script = new Script(input);
    }

    /** None: asked for before there is a database. */
    @Override
    @SuppressWarnings("rawtypes")
    public List<Class> getPersistentClasses() {
        return new ArrayList<>();
    }

    @Override
    public synchronized String submit() throws GaswException {
        return session.submit(script);
    }

    /** The end, as GASW since 4.3 tells it. */
    @Override
    public synchronized void terminate(boolean isForced) throws GaswException {
        if (session == null) return;
        Session ending = session;
        session = null;
        if (isForced) ending.stop();
        else ending.finish();
    }

    /** The end, as GASW before 4.3 tells it, whether the workflow is over or the engine is stopped. */
    public synchronized void terminate() throws GaswException {
        terminate(session != null && !session.isSettled());
    }
}
