package gaswk8s;

import fr.insalyon.creatis.gasw.GaswException;
import fr.insalyon.creatis.gasw.GaswInput;
import fr.insalyon.creatis.gasw.execution.GaswSubmit;

/** A job's script, which GASW's own class writes. */
final class Script extends GaswSubmit {
    private final String name;

    Script(GaswInput input) throws GaswException {
        super(input, new NoMinorStatusService());
        name = generateScript();
    }

    /** The job's id: the script's name without its ending. */
    String id() {
        return name.substring(0, name.lastIndexOf('.'));
    }

    String path() {
        return "sh/" + name;
    }

    String command() {
        return gaswInput.getExecutableName();
    }

    String parameters() {
        return String.join(" ", gaswInput.getParameters());
    }

    @Override
    public String submit() {
        return id();
    }
}
