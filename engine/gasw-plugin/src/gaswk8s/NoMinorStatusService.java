package gaswk8s;

import fr.insalyon.creatis.gasw.execution.GaswMinorStatusServiceGenerator;

/** The jobs call no service: what they have reached is read in their output. Null, since templates take an empty text for a call. */
final class NoMinorStatusService extends GaswMinorStatusServiceGenerator {
    @Override
    public String getClient() {
        return null;
    }

    @Override
    public String getServiceCall() {
        return null;
    }
}
