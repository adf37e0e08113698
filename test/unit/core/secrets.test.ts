import { describe, expect, test } from "vitest";
import { hideSecrets } from "../../../src/core/inventory/hideSecrets.ts";
import { maskMountOptions, maskText, maskWords, withoutSecrets } from "../../../src/core/secrets.ts";

describe("a text", () => {
  test.each([
    ["https://user:pa/s@s@host:1/x", "https://***@host:1/x"],
    ["https://token@host/x", "https://***@host/x"],
    ["two: mysql://a:b@c/d and socks5://e:f@g", "two: mysql://***@c/d and socks5://***@g"],
    ["jdbc:h2:tcp://db/x;USER=gasw;PASSWORD=b c;MODE=MySQL", "jdbc:h2:tcp://db/x;USER=gasw;PASSWORD=*** c;MODE=MySQL"],
    ["x?sslpassword=a&b=c", "x?sslpassword=***&b=c"],
    ["--token='a b' --user c", "--token=*** --user c"],
    ['{"user":"a","password":"b\\"c"}', '{"user":"a","password":"***"}'],
  ])("is shown without its credentials: %s", (text, shown) => expect(maskText(text)).toBe(shown));

  test.each([
    "debian:12@sha256:0123",
    "https://host:6443/api/v1/pods?limit=5",
    "jdbc:h2:tcp://localhost:9092//data/vip@creatis/db/jobs",
    "sqlite:///data/a:b@c/gasw.db",
    "k8sTokenFile: /etc/token is empty",
    "Access denied for user 'gasw'@'host' (using password: YES)",
    "a secret is missing: put it into imagePullSecrets",
    "`gasw-k8s retry Job-1 --env TOKEN=VALUE`, or something else",
  ])("without any stays as it is: %s", (text) => expect(maskText(text)).toBe(text));
});

test.each(["a", "pass", '"', "a:"])("a long text of %j takes time by its length alone", (part) => {
  const text = part.repeat(300_000 / part.length);
  expect(maskText(text)).toBe(text);
});

test.each([
  ["nfsvers=4.1", "nfsvers=4.1"],
  ["hard,timeo=600,nolock", "hard,timeo=600,nolock"],
  ["sec=krb5p", "sec=***"],
  ["vers=3.0,username=u,uid=0", "vers=3.0,username=***"],
  ["uid=0,password=a,b=1", "uid=0,password=***"],
  ["password=1234", "password=***"],
])("of the mount options %s is shown %s", (given, shown) => expect(maskMountOptions(given)).toBe(shown));

test("of a command line is shown what is not given to an option of a secret's name", () => {
  const words = ["serve", "--token", "abc", "--port", "80", "--password=def", "-x", "https://a:b@c"];
  expect(maskWords(words)).toEqual(["serve", "--token", "***", "--port", "80", "--password=***", "-x", "https://***@c"]);
});

test("a foreign text is shown without any four characters of a secret in a row", () => {
  expect(withoutSecrets("bad key abcdef…, or xcdefx, not abc", ["abcdefgh", "xyz"])).toBe("bad key ***…, or x***x, not abc");
  expect(withoutSecrets("nothing of it", ["", "abc"])).toBe("nothing of it");
});

test("plain data keeps its form, and its numbers, truths and times, without secrets", () => {
  const time = new Date(0);
  const data = {
    a: [{ name: "KEY", value: 1 }],
    env: [
      { name: "KEY", value: 1 },
      { name: "REF", valueFrom: { secretKeyRef: { name: "n", key: "k" } } },
    ],
    automountServiceAccountToken: false,
    secret: { secretName: "n" },
    token: "x",
    none: null,
    time,
  };
  expect(hideSecrets(data)).toEqual({ ...data, env: [{ name: "KEY", value: "***" }, data.env[1]], token: "***" });
});
