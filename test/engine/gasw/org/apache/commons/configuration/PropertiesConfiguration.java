package org.apache.commons.configuration;

import java.util.Properties;

public class PropertiesConfiguration {
    private final Properties values;

    public PropertiesConfiguration(Properties values) {
        this.values = values;
    }

    public String getString(String key, String fallback) {
        return values.getProperty(key, fallback);
    }
}
