/** Stage of a GASW job in which an exit code arises. */
export type Stage = "inputs" | "application" | "results" | "setup" | "system";

interface Meaning {
  readonly name: string;
  readonly stage: Stage;
  readonly text: string;
}

/** GASW's exit codes (`fr.insalyon.creatis.gasw.GaswExitCode`). */
const GASW_EXIT_CODES: Readonly<Record<number, Meaning>> = {
  0: { name: "SUCCESS", stage: "application", text: "the job succeeded" },
  1: { name: "ERROR_READ_GRID", stage: "inputs", text: "an input could not be downloaded" },
  2: { name: "ERROR_WRITE_GRID", stage: "results", text: "a result could not be uploaded" },
  3: { name: "ERROR_FILE_NOT_FOUND", stage: "inputs", text: "a file was not found" },
  6: { name: "EXECUTION_FAILED_LEGACY", stage: "application", text: "the application failed" },
  7: { name: "ERROR_WRITE_LOCAL", stage: "application", text: "a local file could not be written" },
  8: { name: "ERROR_GET_STD", stage: "system", text: "the job's output streams could not be fetched" },
  9: { name: "EXECUTION_CANCELED", stage: "system", text: "the job was cancelled" },
  10: { name: "EXECUTION_STALLED", stage: "system", text: "the job was lost" },
  20: {
    name: "GIRDER_CLIENT_INSTALL_FAILED",
    stage: "setup",
    text: "the Girder client could not be installed",
  },
  21: { name: "BOUTIQUE_INSTALL_FAILED", stage: "setup", text: "Boutiques could not be installed" },
  22: {
    name: "ERROR_CREATE_EXEC_DIR",
    stage: "setup",
    text: "the job's folder could not be created (it may exist from an earlier run)",
  },
  23: { name: "ERROR_CD_EXEC_DIR", stage: "setup", text: "the job's folder could not be entered" },
  24: { name: "CONFIG_NOT_FOUND", stage: "setup", text: "the job's configuration file was not found" },
  25: { name: "BOUTIQUE_IMPORT_FAILED", stage: "setup", text: "Boutiques could not be imported" },
  30: { name: "ERROR_WRITE_LFN", stage: "results", text: "a result could not be written to grid storage" },
  31: { name: "ERROR_MV_FILE", stage: "results", text: "a result could not be moved to its destination" },
  32: { name: "ERROR_RESULT_FILE_EXIST", stage: "results", text: "a result with that name already exists" },
  33: { name: "ERROR_UPLOAD_GIRDER", stage: "results", text: "the upload to Girder failed" },
  34: { name: "ERROR_UPLOAD_SHANOIR", stage: "results", text: "the upload to Shanoir failed" },
  35: {
    name: "FAILED_CREATE_LOCAL_UPLOAD_DIR",
    stage: "results",
    text: "the local upload folder could not be created",
  },
  36: { name: "ERROR_GIRDER_MKDIR", stage: "results", text: "a folder could not be created in Girder" },
  37: {
    name: "ERROR_SHANOIR_UPLOAD_SUBDIR",
    stage: "results",
    text: "a folder could not be uploaded to Shanoir",
  },
  40: { name: "ERROR_DL", stage: "inputs", text: "a download failed" },
  41: { name: "INVALID_SHANOIR_NIFTI", stage: "inputs", text: "Shanoir's NIfTI file is invalid" },
  42: { name: "SHANOIR_DL_FAILED", stage: "inputs", text: "the download from Shanoir failed" },
  50: { name: "EXECUTION_FAILED", stage: "application", text: "the application failed" },
  51: {
    name: "SING_INVALID_IMAGE_NAME",
    stage: "application",
    text: "the Singularity image's name is invalid",
  },
  52: { name: "SING_IMAGE_NOT_FOUND", stage: "application", text: "the Singularity image was not found" },
  53: { name: "INVALID_CONTAINER_RUNTIME", stage: "application", text: "the container runtime is invalid" },
  60: { name: "TOKEN_REFRESH_TOO_LONG", stage: "inputs", text: "a token took too long to refresh" },
  61: { name: "TOKEN_REFRESH_ERROR", stage: "inputs", text: "a token could not be refreshed" },
};

/** GASW's code for a job that was cancelled or killed (`GaswExitCode.EXECUTION_CANCELED`). */
export const CANCELLED_CODE = 9;

/** What GASW ends a lost job with. */
export const STALLED_CODE = 10;

/** GASW's code where none is known (`GaswExitCode.UNDEFINED`). */
export const UNDEFINED_CODE = -1;

const SIGNALS: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
};

/**
 * What an exit code says, in words: GASW's meaning, the shell's conventions (POSIX 2.8.2: 126, 127, 128 +
 * signal), or nothing.
 */
export function describeExitCode(code: number): {
  readonly text: string;
  readonly stage?: Stage;
  readonly name?: string;
} {
  const gasw = GASW_EXIT_CODES[code];
  if (gasw !== undefined) return gasw;
  if (code === 126) return { text: "a command was found but could not be executed" };
  if (code === 127) return { text: "a command was not found" };
  const signal = signalOf(code);
  if (signal !== undefined) return { text: `a process was killed by ${signal}` };
  return { text: "the script's own exit code" };
}

/** Name of the signal in an exit code above 128 (POSIX shell convention), where there is one. */
export function signalOf(code: number): string | undefined {
  return code > 128 ? SIGNALS[code - 128] : undefined;
}
