import { describe, expect, test } from "vitest";
import { stageOf } from "../../../src/core/output/facts.ts";
import { parse } from "./outputs.ts";

const LOGGED = "[ INFO - Tue Mar 4 09:15:42 UTC 2025 ] ";
const APPLICATION = "<application_execution>\nwork\n</application_execution>\n";
const says = (code: number) => `Exiting with return value ${code}\n`;
const inSection = (section: string, text: string) => `<${section}>\n${text}</${section}>\n`;
const factsOf = (out: string, err = "") => parse(out, err).facts;

describe("the exit code of a job's output", () => {
  test.each<[string, string, string, number | undefined]>([
    ["is stated on stdout after the application section", APPLICATION + says(3), "", 3],
    ["is found behind the prefix of GASW's log lines", `${APPLICATION}${LOGGED}${says(0)}`, "", 0],
    ["is found behind a log line that was begun where another had not ended", "", `100%[ ERROR - now ] ${says(2)}`, 2],
    ["does not count before the application section", says(3) + APPLICATION, "", undefined],
    ["does not count in the application section", inSection("application_execution", says(3)), "", undefined],
    ["does not count in an application section that did not end", `<application_execution>\n${says(3)}`, "", undefined],
    ["counts anywhere where there is no application section", `hello\n${says(22)}bye\n`, "", 22],
    ["is the last one", APPLICATION + says(1) + says(2), "", 2],
    ["is that on stderr where both streams state one", APPLICATION + says(0), says(40), 40],
    ["counts in the application section of stderr", APPLICATION + says(0), inSection("application_execution", says(6)), 6],
    ["counts in an application section of stderr that did not end", "", `<application_execution>\nwork\n${says(6)}work\n`, 6],
    ["is the last one on stderr", "", says(1) + APPLICATION + says(2), 2],
    ["is found in a last line that does not end", APPLICATION + says(3).trimEnd(), "", 3],
    ["is not known where no stream states one", "hello\n", "oh\n", undefined],
    ["counts after an end that stands behind a text", `words</application_execution>\n${says(4)}`, "", 4],
    ["does not count after an end within a line", `<application_execution>\n</application_execution> or so\n${says(4)}`, "", undefined],
  ])("%s", (_, out, err, code) => expect(factsOf(out, err).exitCode).toBe(code));

  test.each([
    ["Exiting with return value -1\n", -1],
    ["Exiting with return value 1\r\nmore\r\n", 1],
    ["Exiting with return value 3   \n", 3],
    ["Exiting with return value 3\0\n", 3],
    [`${LOGGED}Exiting with return value 40\r\n`, 40],
  ])("is told by %j", (text, code) => expect(factsOf("", text).exitCode).toBe(code));

  test.each([
    "Exiting with return value",
    "Exiting with return value x",
    "Exiting with return value 1 or so",
    "  Exiting with return value 1",
    "echo Exiting with return value 1",
    '    error "Exiting with return value 1"',
    "[ DEBUG - now ] Exiting with return value 1",
    "exiting with return value 1",
    "Exiting with return value 12345678901",
    "Exiting with return value 1.5",
  ])("is not told by %j", (text) => expect(factsOf("", text).exitCode).toBeUndefined());
});

describe("the timings", () => {
  const times = "Input download time: 4 seconds\nExecution time: 75.25 seconds\nResults upload time: 0 seconds\n";
  const seconds = { downloadSeconds: 4, executionSeconds: 75.25, uploadSeconds: 0 };
  test("are numbers of seconds, whole or not", () => expect(factsOf(times)).toMatchObject(seconds));
  test("are found behind the prefix of GASW's log lines", () => {
    expect(factsOf(times.replaceAll(/^/gm, LOGGED))).toMatchObject(seconds);
  });
  test("do not count in the application section", () => {
    expect(factsOf(inSection("application_execution", times))).not.toHaveProperty("downloadSeconds");
  });
  test.each([
    "Execution time: -3 seconds",
    "Execution time: 1741079801 seconds",
    "Execution time: 3 minutes",
    "Execution time:  seconds",
    "Execution time was 3s",
    "Total Execution time: 3 seconds",
  ])("are not told by %j", (line) => expect(factsOf(`${line}\n`)).not.toHaveProperty("executionSeconds"));
  test("that make no sense leave the others as they are", () => {
    expect(factsOf(`Execution time: soon seconds\n${times}`)).toMatchObject(seconds);
  });
});

describe("the node", () => {
  const uname = (name: string) => `===== uname ===== \nLinux ${name} 6.1.0 #1 SMP\n`;
  const nameOf = (out: string) => factsOf(out).nodeName;

  test("is known where its site and its name are", () => {
    expect(factsOf(`${uname("n1.example.org")}SITE_NAME=Example Site\n`).node).toEqual({ site: "Example Site", name: "n1.example.org" });
  });
  test.each([
    ["its name", "SITE_NAME=S\n"],
    ["its site", uname("n1")],
  ])("is not known without %s", (_, out) => expect(factsOf(out).node).toBeUndefined());
  test("gives its site and its name apart", () => {
    expect([factsOf("SITE_NAME=S\n").site, nameOf(uname("n1"))]).toEqual(["S", "n1"]);
  });
  test("has no name where uname is missing", () => expect(nameOf("===== uname =====\n===== CPU info =====\n")).toBeUndefined());
  test("is not described by the application", () => {
    expect(factsOf(inSection("application_execution", `${uname("n1")}SITE_NAME=S\nprocessor : 3\n`))).toMatchObject({ machine: {} });
    expect(factsOf(inSection("application_execution", `${uname("n1")}SITE_NAME=S\n`))).not.toHaveProperty("site");
  });
  test.each([
    ["is named by the batch server where there is no name yet", "PBS_O_HOST=pbs.example.fr\n", "pbs.example.fr"],
    ["keeps its name from the batch server's", "SITE_NAME=S\nPBS_O_HOST=pbs.example.fr\n", "S"],
    ["is named by SITE_NAME, whatever came before", "PBS_O_HOST=pbs.example.fr\nSITE_NAME=S\n", "S"],
    ["has no name where SITE_NAME is empty", "SITE_NAME=\n", undefined],
    ["is not named by a variable of a longer name", "SITE_NAME_OLD=S\n", undefined],
    ["is not named by the computing element", "CE_ID=ce.example.fr:8443/queue\n", undefined],
  ])("has a site that %s", (_, out, site) => expect(factsOf(out).site).toBe(site));
  test.each([
    ["gets the country of the batch server", "PBS_O_HOST=pbs.example.fr\n", "wn1", "wn1.fr"],
    ["gets the country of the computing element", "CE_ID=ce.example.it:8443/cream-pbs-long\n", "wn1", "wn1.it"],
    ["gets a country behind a domain that is none", "CE_ID=ce.example.it\n", "wn1.local", "wn1.local.it"],
    ["keeps a country that it has", "CE_ID=ce.example.it\n", "n1.example.de", "n1.example.de"],
    ["keeps two letters alone", "CE_ID=ce.example.it\n", "n1", "n1"],
    ["gets one country only", "CE_ID=ce.example.org\nCE_ID=ce.example.org\n", "wn1", "wn1.org"],
    ["gets none from a host without a domain", "CE_ID=localhost:8443/queue\n", "wn1", "wn1"],
    ["gets none from an address", "CE_ID=10.0.0.12:8443/queue\n", "wn1", "wn1"],
    ["gets none from the batch server where the site is known", "SITE_NAME=S\nPBS_O_HOST=pbs.example.fr\n", "wn1", "wn1"],
  ])("has a name that %s", (_, environment, name, told) => expect(nameOf(uname(name) + environment)).toBe(told));

  test("is described by /proc/cpuinfo and /proc/meminfo", () => {
    const out =
      "processor\t: 0\nprocessor\t: 1\nmodel name\t: Example CPU: E5 @ 2.10GHz\ncpu MHz\t\t: 2095.078\n" +
      "cache size\t: 28160 KB\nbogomips\t: 4190.15\nMemTotal:       16384256 kB\n";
    const machine = {
      cpus: 2,
      cpuModel: "Example CPU: E5 @ 2.10GHz",
      cpuMhz: 2095.078,
      cacheKb: 28160,
      bogomips: 4190.15,
      memoryKb: 16384256,
    };
    expect(factsOf(out).machine).toEqual(machine);
    expect(factsOf(`${uname("n1")}SITE_NAME=S\n${out}`).node).toEqual({ site: "S", name: "n1", ...machine });
  });
  test.each(["processor 0: version = FF", "cpu MHz : fast", "cache size : 28 MB", "MemTotal: 99999999999 kB", "model name :"])(
    "is not described by %j",
    (line) => expect(factsOf(`${line}\n`).machine).toEqual({}),
  );
  test.each(["cpu MHz", "bogomips"])("is not described by a %s without end", (what) => {
    expect(factsOf(`${what} : ${"9".repeat(400)}\n`).machine).toEqual({});
  });
});

describe("the data", () => {
  const download = (uri: string) => `<file_download uri=${uri}>\n`;
  const upload = (id: string, uri: string) => `<file_upload id=${id} uri=${uri}>\n`;
  const uploads = (text: string) => factsOf(text).outputs;

  test("are the files that were downloaded, each once", () => {
    const out = inSection("inputs_download", download("file:/a b=c>d") + download("lfn:/x") + download("lfn:/x"));
    expect(factsOf(out).inputs).toEqual(["file:/a b=c>d", "lfn:/x"]);
  });
  test.each([
    ["a download outside of inputs_download", download("file:/a")],
    ["a download in another section", inSection("results_upload", download("file:/a"))],
    ["a download without a URI", inSection("inputs_download", download(""))],
    ["a download line that does not end", inSection("inputs_download", "<file_download uri=file:/a\n")],
    ["an upload outside of results_upload", upload("id", "file:/a")],
    ["the upload of the test before the job", inSection("upload_test", upload("", "file:/a"))],
    ["an upload without a URI", inSection("results_upload", upload("id", ""))],
    ["an upload without an id", inSection("results_upload", "<file_upload uri=file:/a>\n")],
    ["what the application prints", inSection("application_execution", inSection("results_upload", upload("id", "file:/a")))],
  ])("are not told by %s", (_, out) => expect(factsOf(out)).toMatchObject({ inputs: [], outputs: [] }));

  test("go on in a section that did not end", () => {
    expect(factsOf(`<inputs_download>\n${download("file:/a")}`).inputs).toEqual(["file:/a"]);
  });
  test("go on behind the end of another section", () => {
    expect(factsOf(`<inputs_download>\n</results_upload>\n${download("file:/a")}`).inputs).toEqual(["file:/a"]);
  });
  test.each([
    ["a URI is taken as it is", "file:/data/r.nii", "file:/data/r.nii"],
    ["a URI with an authority is taken as it is", "girder:///r?token=a", "girder:///r?token=a"],
    ["a bare path is a local file", "/data/my r.nii", "file:///data/my r.nii"],
  ])("of uploads: %s", (_, uri, told) => {
    expect(uploads(inSection("results_upload", upload("out", uri)))).toEqual([{ id: "out", uri: told }]);
  });
  test("of uploads: a bare path is on the grid's file catalogue where there is one", () => {
    const environment = "LFC_HOST=\nLFC_HOST=lfc.example.fr\n";
    expect(uploads(environment + inSection("results_upload", upload("a", "/grid/r") + upload("b", "file:/r")))).toEqual([
      { id: "a", uri: "lfn://lfc.example.fr/grid/r" },
      { id: "b", uri: "file:/r" },
    ]);
  });
  test("of uploads: the last uri= counts, and an id may be empty", () => {
    expect(uploads(inSection("results_upload", upload("a uri=b", "file:/r") + upload("", "file:/s")))).toEqual([
      { id: "a uri=b", uri: "file:/r" },
      { id: "", uri: "file:/s" },
    ]);
  });
  test("that are too many are counted", () => {
    const many = Array.from({ length: 20_003 }, (_, index) => download(`file:/${index}`)).join("");
    const { inputs, leftOut } = factsOf(inSection("inputs_download", many));
    expect([inputs.length, leftOut]).toEqual([20_000, { inputs: 3, outputs: 0 }]);
  });
  test("that are too long altogether are counted", () => {
    const long = Array.from({ length: 300 }, (_, index) => upload(`${index}`, `file:/${"x".repeat(60_000)}`)).join("");
    const { outputs, leftOut } = factsOf(inSection("results_upload", long));
    expect(outputs.length + leftOut.outputs).toBe(300);
    expect(outputs.length).toBe(Math.floor((4 * 2 ** 20) / 60_009));
  });
});

describe("the application's own output", () => {
  const appOut = (out: string) => parse(out).appOut.toString("latin1");
  test("is what stands between the marker lines, byte for byte", () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const stream = Buffer.concat([Buffer.from("<application_execution>\n"), bytes, Buffer.from("\r\n</application_execution>\n")]);
    const { appOut, appErr } = parse(stream, stream);
    expect([appOut, appErr]).toEqual([Buffer.concat([bytes, Buffer.from("\r\n")]), Buffer.concat([bytes, Buffer.from("\r\n")])]);
  });
  test.each([
    ["ends where the file does", "<application_execution>\nab\nc", "ab\nc"],
    ["ends before a marker behind a text without a line break", "<application_execution>\nab</application_execution>\nx\n", "ab"],
    ["goes on behind a marker within a line", "<application_execution>\n</application_execution>.\nx", "</application_execution>.\nx"],
    ["has the markers of other sections in it", "<application_execution>\n</results_upload>\n", "</results_upload>\n"],
    ["has another beginning in it", "<application_execution>\n<application_execution>\n", "<application_execution>\n"],
    ["begins and ends at markers with trailing blanks", "<application_execution> \t\r\nx\n</application_execution>  \r\ny\n", "x\n"],
    ["is that of all its sections", `${APPLICATION}other\n${APPLICATION}`, "work\nwork\n"],
    ["is empty where the section is", "<application_execution>\n</application_execution>", ""],
    ["is empty where there is no section", "hello\n</application_execution>\n", ""],
  ])("%s", (_, out, application) => expect(appOut(out)).toBe(application));
});

describe("the sections", () => {
  test.each([
    ["are open that did not end", "<inputs_download>\n", "", { inputs_download: "open" }],
    ["are over where either stream says so", "<results_upload>\n", inSection("results_upload", ""), { results_upload: "closed" }],
    ["are those of stderr where there is no stdout", "", "<upload_test>\n", { upload_test: "open" }],
    ["may be begun again", `${APPLICATION}<application_execution>\n`, "", { application_execution: "open" }],
    ["are over at an end alone", "</inputs_download>\n", "", { inputs_download: "closed" }],
    ["are not begun by the application", "<application_execution>\n<results_upload>\n", "", { application_execution: "open" }],
  ])("%s", (_, out, err, sections) => expect(factsOf(out, err).sections).toEqual(sections));
});

describe("the stage in which a job failed", () => {
  const open = { inputs_download: "closed", application_execution: "open" } as const;
  const uploading = { inputs_download: "closed", application_execution: "closed", results_upload: "open" } as const;
  test.each([
    ["none where it succeeded", 0, open, undefined],
    ["that of the exit code", 40, {}, "inputs"],
    ["that of the exit code, whose section ended", 6, { ...uploading, results_upload: "closed" }, "application"],
    ["that of the exit code where no section is left open", 22, {}, "setup"],
    ["that of the first section that did not end, where the code tells nothing", 137, open, "application"],
    ["that of the first section that did not end, where there is no code", undefined, uploading, "results"],
    ["that of the upload test", undefined, { upload_test: "open" }, "results"],
    ["not that of the exit code where its section ended and a later one did not", 1, uploading, "results"],
    [
      "that of the exit code where an earlier section has no end",
      50,
      { inputs_download: "open", application_execution: "closed" },
      "application",
    ],
    ["that of the exit code, whatever became of the upload test", 30, { upload_test: "closed", application_execution: "open" }, "results"],
    ["not known where nothing tells", undefined, {}, undefined],
    ["not known from an exit code of the script's own", 77, {}, undefined],
  ] as const)("is %s", (_, code, sections, stage) => expect(stageOf(code, sections)).toBe(stage));
});

describe("the message", () => {
  const messageOf = (err: string, out = "") => factsOf(out, err).message;
  const everywhere = ["upload_test", "inputs_download", "application_execution", "results_upload"]
    .map((section) => inSection(section, `${section} says this\n`))
    .join("");
  test.each([
    ["of a download that failed", says(40), "inputs_download says this"],
    ["of an application that failed", says(6), "application_execution says this"],
    ["of an upload that failed", says(31), "results_upload says this"],
  ])("is what stderr says %s", (_, code, message) => expect(messageOf(everywhere + code)).toBe(message));
  test("is what the upload test says where that did not end", () => {
    expect(messageOf(`<upload_test>\nno space\n${says(30)}`)).toBe(`no space\n${says(30).trim()}`);
  });
  test("is that of the open section where the code tells nothing", () => {
    expect(messageOf("<application_execution>\nkilled\n", "<application_execution>\n")).toBe("killed");
  });
  test.each([
    ["the job succeeded", everywhere + says(0)],
    ["nothing is said", inSection("inputs_download", " \n\n") + says(40)],
    ["no stage is known", "oh\n"],
  ])("is missing where %s", (_, err) => expect(messageOf(err)).toBeUndefined());
  test("is the end of a long text", () => {
    const lines = Array.from({ length: 9000 }, (_, index) => `line ${index}`);
    expect(messageOf(inSection("inputs_download", `${lines.join("\n")}\n`) + says(40))).toBe(lines.join("\n").slice(-2000));
  });
  describe("ends where the script begins to clean up", () => {
    const cause = "Traceback (most recent call last):\nMemoryError\n";
    const noise = `<cleanup>\n${"rm: cannot remove 'x'\n".repeat(4000)}</cleanup>\n`;
    test.each(["upload_test", "inputs_download", "application_execution", "results_upload"])("in %s, which did not end", (section) => {
      const open = `<${section}>\n`;
      expect(messageOf(`${open}${cause}${noise}`, open)).toBe(cause.trim());
      expect(messageOf(`${open}${cause}<cleanup>\r\nrm -Rf -- x\r\n`, open)).toBe(cause.trim());
    });
    test("for the last time: an application may print such a line, too", () => {
      const open = "<application_execution>\n";
      expect(messageOf(`${open}<cleanup>\nmine\n${noise}`, open)).toBe("<cleanup>\nmine");
      expect(messageOf(`${open}a <cleanup>\n<cleanup> b\nmine\n`, open)).toBe("a <cleanup>\n<cleanup> b\nmine");
      expect(messageOf(inSection("application_execution", `<cleanup>\n${cause}`) + says(6))).toBe(`<cleanup>\n${cause}`.trim());
    });
  });
  test("is the end of one long line", () => {
    expect(messageOf(`<inputs_download>\n${"x".repeat(300_000)}!\n</inputs_download>\n${says(40)}`)).toBe(`${"x".repeat(1999)}!`);
  });
  test("is valid text whatever the bytes", () => {
    const bytes = Buffer.concat([
      Buffer.from("<inputs_download>\na\0b\xff"),
      Buffer.from([0xff, 0xfe, 0xe2, 0x82]),
      Buffer.from(`\n${says(40)}`),
    ]);
    expect(parse("", bytes).facts.message).toMatch(/^a\uFFFDb\u00ff\uFFFD+\nExiting/);
  });
  test("never begins with half a character", () => {
    const message = messageOf(`<inputs_download>\n${"x😀".repeat(5000)}\n</inputs_download>\n${says(40)}`) ?? "";
    expect(Buffer.from(message).toString()).toBe(message);
    expect(message.length).toBeGreaterThan(1990);
  });
  test("does not tell the URIs of transfers, which may have tokens in them", () => {
    const transfer = (length: number) => `<file_download uri=girder:///x?token=${"s3cret".repeat(length)}>\n`;
    for (const length of [1, 10, 1500, 20_000]) {
      expect(messageOf(`<inputs_download>\n${transfer(length)}not found\n</file_download>\n${transfer(length)}`)).toBe("not found");
      expect(messageOf(`<inputs_download>\n${transfer(length)}`)).toBeUndefined();
    }
  });
});

describe("a line of any length", () => {
  const LIMIT = 64 * 1024;
  const LINE = "SITE_NAME=";
  test.each([
    ["tells what it says up to 64 KiB", LIMIT - 1 - LINE.length, true],
    ["tells nothing beyond", LIMIT - LINE.length, false],
  ])("%s", (_, length, isTold) => {
    for (const sizes of [[10 ** 9], [1000], [LIMIT], [7, LIMIT + 1]])
      expect(parse(`${LINE}${"x".repeat(length)}\n`, "", sizes).facts.site !== undefined).toBe(isTold);
  });
  test("is followed by lines that tell what they say", () => {
    const begin = "<application_execution>\n";
    const [long, next] = ["x".repeat(LIMIT + 1000), "x\nwork\n"];
    expect(parse("", begin + long + next + says(6), [begin.length + long.length, next.length]).facts.exitCode).toBe(6);
    expect(parse("", begin + long + says(6), [10 ** 9]).facts.exitCode).toBeUndefined();
  });
  test("may end with a marker", () => {
    const out = `${"x".repeat(200_000)}<application_execution>\n${"y".repeat(200_000)}</application_execution>\n${says(4)}`;
    const { facts, appOut } = parse(out, "", [4096]);
    expect([facts.exitCode, appOut.toString()]).toEqual([4, "y".repeat(200_000)]);
  });
});
