package fr.insalyon.creatis.gasw.plugin;

import fr.insalyon.creatis.gasw.GaswException;
import fr.insalyon.creatis.gasw.GaswInput;
import java.util.List;
import net.xeoh.plugins.base.Plugin;

public interface ExecutorPlugin extends Plugin {
    String getName();

    void load(GaswInput gaswInput) throws GaswException;

    @SuppressWarnings("rawtypes")
    List<Class> getPersistentClasses() throws GaswException;

    String submit() throws GaswException;

    void terminate(boolean force) throws GaswException;
}
