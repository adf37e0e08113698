package fr.insalyon.creatis.gasw.execution;

public abstract class GaswMinorStatusServiceGenerator {
    public abstract String getClient();

    public abstract String getServiceCall();
}
