import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { filledIn, parseServerUrl, refusePassword } from "../../../src/dao/address.ts";
import { openDao } from "../../../src/dao/open.ts";
import { GaswError } from "../../../src/errors.ts";
import { folderWith } from "../folders.ts";

async function refusalOf(url: string): Promise<GaswError> {
  const settings = { simulationId: "any", url, timeZone: "UTC", timeout: 1000, env: process.env, signal: new AbortController().signal };
  const failure = await openDao(settings).catch((error: unknown) => error);
  if (failure instanceof GaswError) return failure;
  throw new Error("it was opened", { cause: failure });
}

describe("dao.url", () => {
  test.each([
    "postgres://gasw:s3cret@db/gasw",
    "postgresql://gasw:s3cret@db:5432/gasw",
    "mysql://gasw:s3cret@db/gasw",
    "mariadb://:s3cret@db/gasw",
    "mysql://gasw:p@ss/w:s3cret@db/gasw",
    "postgres://db/gasw?password=s3cret",
    "postgres://db/gasw?user=gasw&Password=s3cret",
    "postgres://gasw:s3cret@db:notaport/gasw",
    "oracle://gasw:s3cret@db/gasw",
    "jdbc:h2:tcp://db:9092/x;USER=gasw;PASSWORD=s3cret",
    "jdbc:mysql://gasw:s3cret@db/gasw",
    "jdbc:postgresql://db/gasw?sslpassword=s3cret",
    "jdbc:mariadb://db/gasw?trustStorePassword=s3cret",
    "postgres://gasw:s3/cret@db/gasw",
    "postgres://gasw%3As3cret@db/gasw",
    "jdbc:h2:tcp://gasw:s3/cret@db:9092/x",
    "postgres://db/gasw?p%61ssword=s3cret",
  ])("with a password in it is refused, and not shown: %s", async (url) => {
    const refusal = await refusalOf(url);
    expect(refusal).toMatchObject({ code: "CONFIG", exitCode: 3, message: "dao.url contains a password" });
    expect(refusal.hint).toContain("dao.passwordFile");
    expect(JSON.stringify(refusal, Object.getOwnPropertyNames(refusal))).not.toContain("s3cret");
  });

  test.each([
    ["", "dao.url has no scheme"],
    ["/var/lib/gasw.db", "dao.url has no scheme"],
    ["oracle://db/gasw", "dao.url has an unknown scheme, oracle"],
    ["sqlite:", "dao.url does not name a file"],
    ["postgres://db", "dao.url does not name a database"],
    ["mysql://db/", "dao.url does not name a database"],
    ["postgres://db:99999/gasw", "dao.url is not a URL"],
    ["mysql://[::1/gasw", "dao.url is not a URL"],
    ["postgres://db/%zz", "dao.url is not a URL"],
    ["postgres://db/gasw?schema=x", "dao.url has an unknown parameter, schema"],
    ["mysql://db/gasw?multipleStatements=true", "dao.url has an unknown parameter, multipleStatements"],
    ["postgres://db/gasw?sslmode=sometimes", "dao.url has an invalid value for sslmode"],
    ["mysql://db/gasw?ssl=maybe", "dao.url has an invalid value for ssl"],
    ["mysql://db/gasw?sslrootcert=/no/such/file", "dao.url refers to a file that cannot be read"],
  ])("%j is refused: %s", async (url, message) => {
    expect(await refusalOf(url)).toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining(message),
      hint: expect.stringMatching(/\w/),
    });
  });

  test("is taken apart", () => {
    expect(parseServerUrl("postgres://db.example/gasw", 5432)).toEqual({
      text: "postgres://db.example:5432/gasw",
      host: "db.example",
      port: 5432,
      database: "gasw",
      user: undefined,
      tls: false,
    });
    expect(parseServerUrl("mysql://gasw%40vip@[::1]:33/a%20b?ssl=false", 3306)).toMatchObject({
      text: "mysql://[::1]:33/a b",
      host: "::1",
      port: 33,
      database: "a b",
      user: "gasw@vip",
    });
    expect(parseServerUrl("postgres:///gasw?host=/run/postgresql", 5432)).toMatchObject({ host: "/run/postgresql", port: 5432 });
    expect(parseServerUrl("postgres:///gasw", 5432)).toMatchObject({ host: "localhost" });
  });

  test("has certificates checked whenever it asks for TLS, unless it says otherwise", () => {
    const tls = (parameters: string) => parseServerUrl(`mysql://db/gasw?${parameters}`, 3306).tls;
    for (const on of ["ssl=true", "ssl=1", "sslmode=prefer", "sslmode=require", "sslmode=verify-ca", "sslmode=verify-full"]) {
      expect(tls(on)).toEqual({ rejectUnauthorized: true });
    }
    for (const off of ["", "ssl=false", "ssl=0", "sslmode=disable"]) expect(tls(off)).toBe(false);
    expect(tls("sslmode=no-verify")).toEqual({ rejectUnauthorized: false });
    const ca = path.join(folderWith(), "ca.pem");
    writeFileSync(ca, "CA");
    expect(tls(`sslrootcert=${ca}`)).toEqual({ ca: "CA", rejectUnauthorized: true });
    expect(tls(`sslmode=disable&sslrootcert=${ca}`)).toBe(false);
  });
});

describe("what only looks like a password in dao.url is none", () => {
  test.each([
    "postgres://gasw@db:5432/gasw",
    "postgres://db:5432/a%40b",
    "postgres://[::1]:5432/a%40b?sslrootcert=/etc/a%40b.pem",
    "mysql:///gasw?host=/run/mysqld/mysqld.sock",
    "jdbc:h2:tcp://localhost:9092//data/vip@creatis/a:b/db/jobs;USER=gasw;PASSWORD_HASH=TRUE",
    "jdbc:h2:/data/a:b@c/jobs",
    "jdbc:mariadb://db/gasw?passwordCharacterEncoding=UTF-8",
    "jdbc:mysql://db/gasw?defaultAuthenticationPlugin=mysql_native_password",
    "sqlite:///data/a:b@c/gasw.db",
    "sqlite:/data/token=1/gasw.db",
  ])("%s", (url) => expect(() => refusePassword(url)).not.toThrow());
});

describe("the workflow in dao.url", () => {
  const workflow = (directory: string) => ({ directory, id: path.basename(directory) });

  test.each([
    ["jdbc:h2:tcp://h:9092/{workflowDir}/db/jobs", "/w/workflow-1", "jdbc:h2:tcp://h:9092//w/workflow-1/db/jobs"],
    ["sqlite:{workflowDir}/{workflowId}.db", "/w/a", "sqlite:/w/a/a.db"],
    ["sqlite:{workflowDir}/{workflowId}.db", "/w/$$/$&;{workflowId}", "sqlite:/w/$$/$&;{workflowId}/$&;{workflowId}.db"],
    ["mysql://h/gasw", "/w/a;b", "mysql://h/gasw"],
    ["postgres://h:5432/{workflowId}", "/w/a@b?c", "postgres://h:5432/a%40b%3Fc"],
  ])("%s is filled in for %s: %s", (url, directory, filled) => expect(filledIn(url, workflow(directory))).toBe(filled));

  test.each(["jdbc:h2:tcp://h/{workflowDir}/db", "JDBC:h2:/w/{workflowId}"])("would be settings in %s: it is refused", (url) => {
    expect(() => filledIn(url, workflow("/w/a;INIT=RUNSCRIPT"))).toThrow(/^dao.url cannot use {workflow\w+} of \/w\/a;INIT=RUNSCRIPT: /);
  });
});
