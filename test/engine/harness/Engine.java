package harness;

import fr.insalyon.creatis.gasw.Gasw;
import fr.insalyon.creatis.gasw.GaswConfiguration;
import fr.insalyon.creatis.gasw.GaswException;
import fr.insalyon.creatis.gasw.GaswInput;
import fr.insalyon.creatis.gasw.GaswNotification;
import fr.insalyon.creatis.gasw.GaswOutput;
import fr.insalyon.creatis.gasw.bean.Job;
import fr.insalyon.creatis.gasw.bean.JobMinorStatus;
import fr.insalyon.creatis.gasw.dao.DAOFactory;
import fr.insalyon.creatis.gasw.plugin.ExecutorPlugin;
import fr.insalyon.creatis.gasw.plugin.ListenerPlugin;
import java.io.File;
import java.io.IOException;
import java.io.StringReader;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Plays an engine in its workflow directory: submits every script of a folder, notes what it is told in a journal, and ends when it has
 * been told of all. Where it is started again, it submits what its journal does not have. SIGTERM has it terminate, as an engine does.
 *
 * <p>Arguments: the plugin's jar, the folder of scripts, the journal, the database's URL, the schema's file, and lines of settings.conf.
 */
public final class Engine implements ListenerPlugin {
    private final Path journal;
    private final Set<String> told = new HashSet<>();

    private Engine(Path journal) {
        this.journal = journal;
    }

    public static void main(String[] arguments) throws Exception {
        Properties settings = GaswConfiguration.getInstance().properties();
        settings.load(new StringReader(arguments[5]));
        DAOFactory.setDAOFactory(new JobTable(arguments[3], arguments[4]));
        ExecutorPlugin executor = PluginLoader.load(new File(arguments[0]), ExecutorPlugin.class);
        if (!executor.getPersistentClasses().isEmpty()) throw new IllegalStateException("persistent classes");
        if (!executor.getName().equalsIgnoreCase(settings.getProperty("default.executor"))) throw new IllegalStateException("no executor");
        Gasw.getInstance().setExecutor(executor);
        Engine engine = new Engine(Path.of(arguments[2]));
        if ("broken".equals(settings.getProperty("harness.listener"))) GaswConfiguration.getInstance().getListenerPlugins().add(brokenListener());
        GaswConfiguration.getInstance().getListenerPlugins().add(engine);
        Runtime.getRuntime().addShutdownHook(new Thread(engine::stop));
        engine.run(Path.of(arguments[1]));
        Gasw.getInstance().terminate(false);
        for (String failure : GaswNotification.getInstance().failures()) engine.note("failed " + failure);
        engine.note("finished");
    }

    /** Fails at whatever it is told; of submissions, only of those that nobody is to be told of. */
    private static ListenerPlugin brokenListener() {
        Class<?>[] interfaces = {ListenerPlugin.class};
        return (ListenerPlugin) Proxy.newProxyInstance(Engine.class.getClassLoader(), interfaces, (proxy, method, arguments) -> {
            if (method.getName().equals("jobSubmitted") && !((Job) arguments[0]).getId().startsWith("Unannounced")) return null;
            throw new IllegalStateException("broken");
        });
    }

    private void run(Path scripts) throws Exception {
        if (Files.exists(journal)) {
            List<String> lines = Files.readAllLines(journal);
            lines.stream().filter(line -> line.startsWith("told ")).forEach(line -> told.add(line.split(" ")[1]));
        }
        int awaited = 0;
        for (Path script : listed(scripts)) {
            String id = script.getFileName().toString().replaceAll("\\.sh$", "");
            if (!told.contains(id) && submit(id, Files.readString(script))) awaited++;
        }
        note("submitted");
        while (awaited > 0) {
            for (GaswOutput output : Gasw.getInstance().takeFinishedJobs()) {
                String told = "told " + output.getJobID() + " " + output.getExitCode() + " " + output.getUploadedResults();
                note((told + " " + output.getExitMessage()).replace('\n', ' ').trim());
                awaited--;
            }
        }
    }

    private boolean submit(String id, String script) throws IOException {
        GaswInput input = new GaswInput("app", script, id + ".sh");
        input.addParameter("first");
        input.addParameter("second");
        try {
            if (!Gasw.getInstance().submit(input).equals(id)) throw new IllegalStateException("another id");
            return true;
        } catch (GaswException error) {
            note("refused " + id + " " + error.getMessage());
            return false;
        }
    }

    private void stop() {
        try {
            Gasw.getInstance().terminate(true);
            note("stopped");
        } catch (GaswException | IOException error) {
            error.printStackTrace();
        }
    }

    private synchronized void note(String line) throws IOException {
        Files.writeString(journal, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND, StandardOpenOption.SYNC);
    }

    private static List<Path> listed(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    @Override
    public void jobSubmitted(Job job) throws GaswException {
        hear("added " + job.getId());
    }

    @Override
    public void jobFinished(GaswOutput output) throws GaswException {
        hear("finished " + output.getJobID() + " " + output.getExitCode());
    }

    @Override
    public void jobStatusChanged(Job job) throws GaswException {
        hear("changed " + job.getId() + " " + job.getStatus());
    }

    @Override
    public void jobMinorStatusReported(JobMinorStatus minor) throws GaswException {
        hear("reached " + minor.getJob().getId() + " " + minor.getStatus());
    }

    private void hear(String what) throws GaswException {
        try {
            note("listener: " + what);
        } catch (IOException error) {
            throw new GaswException(error);
        }
    }
}
