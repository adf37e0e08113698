package gaswk8s;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.logging.Logger;

/** The log of the engine: SLF4J where GASW has it (since 4.2), Log4j before. */
final class GaswLog {
    private static final String NAME = "gasw-k8s";
    private final Object logger;
    private final Method warn;

    private GaswLog(Object logger, Method warn) {
        this.logger = logger;
        this.warn = warn;
    }

    static GaswLog find() {
        try {
            Object logger = loggerFrom("org.slf4j.LoggerFactory");
            return new GaswLog(logger, Class.forName("org.slf4j.Logger").getMethod("warn", String.class));
        } catch (ReflectiveOperationException noSlf4j) {
            return findLog4j();
        }
    }

    private static GaswLog findLog4j() {
        try {
            Object logger = loggerFrom("org.apache.log4j.Logger");
            return new GaswLog(logger, logger.getClass().getMethod("warn", Object.class));
        } catch (ReflectiveOperationException noLog4j) {
            return new GaswLog(null, null);
        }
    }

    private static Object loggerFrom(String factory) throws ReflectiveOperationException {
        return Class.forName(factory).getMethod("getLogger", String.class).invoke(null, NAME);
    }

    void warn(String message) {
        try {
            if (warn != null) warn.invoke(logger, message);
            else Logger.getLogger(NAME).warning(message);
        } catch (IllegalAccessException | InvocationTargetException error) {
            Logger.getLogger(NAME).warning(message);
        }
    }
}
