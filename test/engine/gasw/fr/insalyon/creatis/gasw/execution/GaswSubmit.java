package fr.insalyon.creatis.gasw.execution;

import fr.insalyon.creatis.gasw.GaswException;
import fr.insalyon.creatis.gasw.GaswInput;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

public abstract class GaswSubmit {
    protected GaswInput gaswInput;
    protected String scriptName;
    protected GaswMinorStatusServiceGenerator minorStatusServiceGenerator;

    public GaswSubmit(GaswInput gaswInput, GaswMinorStatusServiceGenerator minorStatusServiceGenerator) throws GaswException {
        this.gaswInput = gaswInput;
        this.minorStatusServiceGenerator = minorStatusServiceGenerator;
    }

    public abstract String submit() throws GaswException;

    /** GASW writes a script of its own; the harness's input has the script's text in place of an invocation. */
    protected String generateScript() throws GaswException {
        try {
            Files.createDirectories(Path.of("sh"));
            Files.writeString(Path.of("sh", gaswInput.getJobId()), gaswInput.getInvocationString());
            return gaswInput.getJobId();
        } catch (IOException error) {
            throw new GaswException(error);
        }
    }
}
