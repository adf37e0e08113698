package gaswk8s;

import fr.insalyon.creatis.gasw.GaswException;
import fr.insalyon.creatis.gasw.GaswExitCode;
import fr.insalyon.creatis.gasw.GaswNotification;
import fr.insalyon.creatis.gasw.GaswOutput;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Map;

/** What GASW has for the end of a job, in each of its versions. */
final class Outputs {
    private Outputs() {}

    /** GASW before 4.1 has a list in place of the map of uploads. */
    static GaswOutput of(Result result) throws GaswException {
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

    /** Notes that an attempt has failed, and that its invocation goes on; older versions keep no such note. */
    static void noteFailure(GaswOutput output) throws GaswException {
        try {
            Method method = GaswNotification.class.getMethod("addErrorJob", GaswOutput.class);
            method.invoke(GaswNotification.getInstance(), output);
        } catch (NoSuchMethodException older) {
            return;
        } catch (ReflectiveOperationException error) {
            throw new GaswException(error);
        }
    }

    private static GaswExitCode exitCodeOf(int number) {
        for (GaswExitCode code : GaswExitCode.values()) if (code.getExitCode() == number) return code;
        return GaswExitCode.UNDEFINED;
    }
}
