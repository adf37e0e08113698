package gaswk8s;

import fr.insalyon.creatis.gasw.execution.GaswMinorStatusServiceGenerator;

/** The jobs call no service: {@code gasw-k8s} reads in their output what they have reached ({@code dao.minorStatus}). */
final class NoMinorStatusService extends GaswMinorStatusServiceGenerator {
    @Override
    public String getClient() {
        return "";
    }

    @Override
    public String getServiceCall() {
        return "";
    }
}
