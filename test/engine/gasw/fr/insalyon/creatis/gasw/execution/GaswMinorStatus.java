package fr.insalyon.creatis.gasw.execution;

public enum GaswMinorStatus {
    Started,
    Background,
    Inputs,
    Application,
    Outputs,
    Finished,
    CheckPoint_Init,
    CheckPoint_Upload,
    CheckPoint_End
}
