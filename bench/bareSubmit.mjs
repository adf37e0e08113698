// The least that a Node.js process can do to create a Job: read the credentials, POST the manifest over TLS.
import { readFileSync } from "node:fs";
import https from "node:https";

const [kubeconfig, manifest] = process.argv.slice(2);
const text = readFileSync(kubeconfig, "utf8");
const field = (name) => new RegExp(`${name}: *"?([^"\\s]+)`).exec(text)?.[1] ?? "";
const decode = (name) => Buffer.from(field(name), "base64");
const body = readFileSync(manifest);
const { namespace } = JSON.parse(String(body)).metadata;
const request = https.request(
  `${field("server")}/apis/batch/v1/namespaces/${namespace}/jobs`,
  {
    method: "POST",
    ca: decode("certificate-authority-data"),
    cert: decode("client-certificate-data"),
    key: decode("client-key-data"),
    headers: { "content-type": "application/json", "content-length": body.length },
  },
  (response) => {
    response.resume().on("end", () => {
      process.exitCode = response.statusCode === 201 ? 0 : 1;
    });
  },
);
request.end(body);
