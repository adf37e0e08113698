import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { strToU8, zipSync } from "fflate";

/** A jar with these entries. */
export function jarWith(entries: Readonly<Record<string, string>>): Uint8Array {
  return zipSync(Object.fromEntries(Object.entries(entries).map(([name, text]) => [name, strToU8(text)])));
}

/** The Java plugin's jar, as far as it is looked at. */
export const JAVA_PLUGIN = jarWith({ "fr/insalyon/creatis/gasw/executor/kubernetes/KExecutor.class": "" });
const H2_PLUGIN = jarWith({ "org/h2/Driver.class": "", "fr/insalyon/creatis/gasw/plugin/db/h2/H2Plugin.class": "" });

/** The names that the Java plugin's and the database plugin's jars have where they are built. */
export const JAVA_PLUGIN_NAME = "gasw-kubernetes-plugin-0.0.1-jar-with-dependencies.jar";
const H2_PLUGIN_NAME = "gasw-h2-plugin-3.1.0-jar-with-dependencies.jar";

/** An engine's directory, with conf/ and the plugins of an installation that runs the Java plugin. */
export class EngineDirectory {
  readonly path: string;

  constructor(folder: string) {
    this.path = path.join(folder, "engine");
    this.write("conf/settings.conf", SETTINGS.replaceAll("ENGINE", this.path));
    this.write(`plugins/${JAVA_PLUGIN_NAME}`, JAVA_PLUGIN);
    this.write(`plugins/${H2_PLUGIN_NAME}`, H2_PLUGIN);
    this.write("libs/gasw-4.3.jar", jarWith({ "META-INF/maven/fr.insalyon.creatis/gasw/pom.properties": "version=4.3\n" }));
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  write(name: string, content: string | Uint8Array): void {
    mkdirSync(path.dirname(this.file(name)), { recursive: true });
    writeFileSync(this.file(name), content);
  }

  read(name: string): string {
    return readFileSync(this.file(name), "utf8");
  }

  has(name: string): boolean {
    return existsSync(this.file(name));
  }

  mode(name: string): number {
    return statSync(this.file(name)).mode & 0o777;
  }

  /** Changes lines of its settings. */
  change(from: string | RegExp, to: string): void {
    this.write("conf/settings.conf", this.read("conf/settings.conf").replace(from, to));
  }

  /** What the Java plugin is configured with. */
  configure(config: Record<string, unknown>, name = "conf/kubernetes_plugin.conf"): void {
    this.write(name, JSON.stringify(config, null, 2));
  }

  /** A program that says what `java -version` says, in a folder of its own for the PATH. */
  java(version: string): string {
    this.write("jvm/bin/java", `#!/bin/sh\necho 'openjdk version "${version}" 2024-01-16' >&2\n`);
    chmodSync(this.file("jvm/bin/java"), 0o755);
    return this.file("jvm");
  }
}

/** As GASW leaves the file once it has added its own defaults. */
const SETTINGS = `# Settings of the engine
plugin.db = ENGINE/plugins/${H2_PLUGIN_NAME}
plugin.executor = ENGINE/plugins/gasw-dirac-plugin.jar, ENGINE/plugins/${JAVA_PLUGIN_NAME}
plugin.listener = ENGINE/plugins/gasw-stats-plugin.jar
default.executor = Kubernetes
default.environment = \\"\\"
default.retry.count = 2
containers.runtime =
minorstatus.service.enabled = true
plugin.h2.schema = PUBLIC
plugin.h2.user = gasw
plugin.h2.password = s3cret,rest
plugin.h2.server.enabled = true
plugin.h2.server.host = moteur.example.org
plugin.h2.server.port = 9092
plugin.h2.db.path = db/jobs
`;
