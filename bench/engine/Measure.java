package harness;

import fr.insalyon.creatis.gasw.Gasw;
import fr.insalyon.creatis.gasw.GaswConfiguration;
import fr.insalyon.creatis.gasw.GaswInput;
import fr.insalyon.creatis.gasw.GaswOutput;
import fr.insalyon.creatis.gasw.dao.DAOFactory;
import fr.insalyon.creatis.gasw.plugin.ExecutorPlugin;
import java.io.File;
import java.io.StringReader;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * An engine that submits jobs which do nothing, one after the other, and says how long each call took and when the last was told of:
 * a line `submitted MS...`, a line `told MS`. Then it waits for a line on stdin, and terminates.
 *
 * <p>Arguments: the plugin's jar, the database's URL, the schema's file, lines of settings.conf, the number of jobs.
 */
public final class Measure {
    private static final String SCRIPT =
        "echo '<application_execution>'\necho '</application_execution>'\necho 'Exiting with return value 0'\n";

    private Measure() {}

    public static void main(String[] arguments) throws Exception {
        GaswConfiguration.getInstance().properties().load(new StringReader(arguments[3]));
        DAOFactory.setDAOFactory(new JobTable(arguments[1], arguments[2]));
        Gasw gasw = Gasw.getInstance();
        gasw.setExecutor(PluginLoader.load(new File(arguments[0]), ExecutorPlugin.class));
        int count = Integer.parseInt(arguments[4]);
        long begin = System.nanoTime();
        long[] calls = new long[count];
        for (int index = 0; index < count; index++) {
            long call = System.nanoTime();
            gasw.submit(new GaswInput("app", SCRIPT, "Job-" + (1000 + index) + ".sh"));
            calls[index] = System.nanoTime() - call;
        }
        System.out.println("submitted " + LongStream.of(calls).mapToObj(Measure::milliseconds).collect(Collectors.joining(" ")));
        for (int told = 0; told < count;) {
            for (GaswOutput output : gasw.takeFinishedJobs()) {
                if (output.getExitCode().getExitCode() != 0) throw new IllegalStateException(output.getJobID() + ": " + output.getExitCode());
                told++;
            }
        }
        System.out.println("told " + milliseconds(System.nanoTime() - begin));
        System.in.read();
        gasw.terminate(false);
    }

    private static String milliseconds(long nanoseconds) {
        return String.format(java.util.Locale.ROOT, "%.1f", nanoseconds / 1e6);
    }
}
