package fr.insalyon.creatis.gasw;

import fr.insalyon.creatis.gasw.plugin.ListenerPlugin;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.commons.configuration.PropertiesConfiguration;

public class GaswConfiguration {
    private static final GaswConfiguration INSTANCE = new GaswConfiguration();
    private final Properties properties = new Properties();
    private final List<ListenerPlugin> listeners = new ArrayList<>();

    public static GaswConfiguration getInstance() throws GaswException {
        return INSTANCE;
    }

    public Properties properties() {
        return properties;
    }

    public PropertiesConfiguration getPropertiesConfiguration() {
        return new PropertiesConfiguration(properties);
    }

    public List<ListenerPlugin> getListenerPlugins() {
        return listeners;
    }

    public boolean isMinorStatusEnabled() {
        return Boolean.parseBoolean(properties.getProperty("minorstatus.service.enabled"));
    }

    public String getSimulationID() {
        return new File(getExecutionPath()).getName();
    }

    public String getExecutionPath() {
        return new File("").getAbsolutePath();
    }
}
