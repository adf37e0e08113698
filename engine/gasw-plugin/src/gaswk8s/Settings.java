package gaswk8s;

import fr.insalyon.creatis.gasw.GaswConfiguration;
import fr.insalyon.creatis.gasw.GaswException;
import java.nio.file.Path;
import org.apache.commons.configuration.PropertiesConfiguration;

/**
 * What {@code conf/settings.conf} says about this plugin.
 *
 * @param command the program, a path or a name on the PATH
 * @param config its configuration file; empty: the one that it finds by itself
 * @param isKeptOpen whether one process takes all submissions; otherwise each has its own
 * @param leavesRunning whether jobs go on when the engine is stopped before its end
 * @param log the plugin's log
 * @param logBytes the size at which the log is rotated
 * @param directory the workflow directory
 */
record Settings(
    String command, String config, boolean isKeptOpen, boolean leavesRunning, Path log, long logBytes, Path directory) {

    static Settings read() throws GaswException {
        GaswConfiguration gasw = GaswConfiguration.getInstance();
        PropertiesConfiguration given = gasw.getPropertiesConfiguration();
        Path directory = Path.of(gasw.getExecutionPath());
        return new Settings(
            given.getString("gasw-k8s.command", "gasw-k8s").trim(),
            given.getString("gasw-k8s.config", "").trim(),
            flag(given, "gasw-k8s.keepOpen", true),
            flag(given, "gasw-k8s.leaveRunning", false),
            directory.resolve(given.getString("gasw-k8s.log", "gasw-k8s.log").trim()),
            number(given, "gasw-k8s.logMegabytes", 10) * 1024 * 1024,
            directory);
    }

    private static boolean flag(PropertiesConfiguration given, String key, boolean standard) throws GaswException {
        String value = given.getString(key, String.valueOf(standard)).trim().toLowerCase();
        if (value.equals("true") || value.equals("false")) return value.equals("true");
        throw wrong(key, value, "true or false");
    }

    private static long number(PropertiesConfiguration given, String key, long standard) throws GaswException {
        String value = given.getString(key, String.valueOf(standard)).trim();
        if (value.matches("[1-9][0-9]{0,5}")) return Long.parseLong(value);
        throw wrong(key, value, "a number from 1 to 999999");
    }

    private static GaswException wrong(String key, String value, String expected) {
        return new GaswException("conf/settings.conf: " + key + " is \"" + value + "\": expected " + expected);
    }
}
