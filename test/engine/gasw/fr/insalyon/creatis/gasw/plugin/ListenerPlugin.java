package fr.insalyon.creatis.gasw.plugin;

import fr.insalyon.creatis.gasw.GaswException;
import fr.insalyon.creatis.gasw.GaswOutput;
import fr.insalyon.creatis.gasw.bean.Job;
import fr.insalyon.creatis.gasw.bean.JobMinorStatus;
import net.xeoh.plugins.base.Plugin;

public interface ListenerPlugin extends Plugin {
    void jobSubmitted(Job job) throws GaswException;

    void jobFinished(GaswOutput gaswOutput) throws GaswException;

    void jobStatusChanged(Job job) throws GaswException;

    void jobMinorStatusReported(JobMinorStatus jobMinorStatus) throws GaswException;
}
