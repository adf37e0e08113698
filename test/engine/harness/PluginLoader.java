package harness;

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Collections;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import net.xeoh.plugins.base.Plugin;
import net.xeoh.plugins.base.annotations.PluginImplementation;

/**
 * Loads a plugin as JSPF 1.0.2 does: in a class loader of the jar's own, below the engine's, every class of the jar is loaded; what is a
 * Plugin and has the annotation is made, by its constructor without arguments.
 */
final class PluginLoader {
    private PluginLoader() {}

    static <T extends Plugin> T load(File jar, Class<T> kind) throws Exception {
        @SuppressWarnings("resource")
        ClassLoader loader = new URLClassLoader(new URL[] {jar.toURI().toURL()}, PluginLoader.class.getClassLoader());
        T found = null;
        try (JarFile file = new JarFile(jar)) {
            for (JarEntry entry : Collections.list(file.entries())) {
                if (!entry.getName().endsWith(".class")) continue;
                Class<?> loaded = loader.loadClass(entry.getName().replaceAll("\\.class$", "").replace('/', '.'));
                if (!Plugin.class.isAssignableFrom(loaded) || !loaded.isAnnotationPresent(PluginImplementation.class)) continue;
                if (found != null) throw new IllegalStateException("two plugins in " + jar);
                found = kind.cast(loaded.getConstructor().newInstance());
            }
        }
        if (found == null) throw new IllegalStateException("no plugin in " + jar);
        return found;
    }
}
