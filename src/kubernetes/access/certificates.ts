import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { GaswError } from "../../errors.ts";
import { readNamed } from "./namedFile.ts";
import type { TargetCluster, TargetUser } from "./settings.ts";

/** A client certificate and its key (PEM). */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Where a part of a kubeconfig is to be corrected, and what it is. */
interface Place {
  readonly where: string;
}

/**
 * The certificates that the API server's may be signed by (PEM); undefined: those that this machine trusts.
 * @throws GaswError CONFIG
 */
export function readAuthority(cluster: TargetCluster): string | undefined {
  const { caFile, caData } = cluster;
  if (caFile === "" && caData === undefined) return undefined;
  const place = placeOf(cluster, "cluster", "certificate-authority", caFile);
  const pem = caFile === "" ? String(caData) : readNamed(caFile, place.key);
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  if (blocks.some(isCertificate)) return pem;
  throw refusal(place, "has no certificate in PEM", "set it to the cluster's CA certificate");
}

/**
 * A user's client certificate; undefined where there is none. A key alone is left aside, as kubectl does.
 * @throws GaswError CONFIG that names the part that is wrong: the server could only say that nobody has logged in
 */
export function readClientCertificate(user: TargetUser): ClientCertificate | undefined {
  const { certFile, certData, keyFile, keyData } = user;
  if (certFile === "" && certData === undefined) return undefined;
  const certPlace = placeOf(user, "user", "client-certificate", certFile);
  const keyPlace = placeOf(user, "user", "client-key", keyFile);
  if (keyFile === "" && keyData === undefined)
    throw refusal(keyPlace, "is missing", "a client certificate requires its key");
  const cert = certFile === "" ? String(certData) : readNamed(certFile, certPlace.key);
  const key = keyFile === "" ? String(keyData) : readNamed(keyFile, keyPlace.key);
  const last = checked.get(user);
  if (last?.cert !== cert || last.key !== key) {
    checkPair({ cert, key }, certPlace, keyPlace);
    checked.set(user, { cert, key });
  }
  return { cert, key };
}

/** What was found right already: files are read again for every request. */
const checked = new WeakMap<TargetUser, ClientCertificate>();

/** @throws GaswError CONFIG that says which of the two is wrong */
export function checkPair({ cert, key }: ClientCertificate, certPlace: Place, keyPlace: Place): void {
  const certificate = parsed(
    () => new X509Certificate(cert),
    certPlace,
    "is not a certificate in PEM",
    "set it to the client certificate",
  );
  const privateKey = parsed<KeyObject>(
    () => createPrivateKey(key),
    keyPlace,
    "is not a private key in PEM",
    "set it to the key of the client certificate, without a passphrase",
  );
  if (!certificate.checkPrivateKey(privateKey))
    throw refusal(keyPlace, "is not the key of the client certificate", "set both anew, as a pair");
  if (new Date(certificate.validTo).getTime() < Date.now())
    throw refusal(
      certPlace,
      `expired on ${new Date(certificate.validTo).toISOString()}`,
      "get a new client certificate, or correct the clock of this machine",
    );
}

/** @throws GaswError CONFIG without the parser's words, which may quote what it has read */
function parsed<T>(read: () => T, place: Place, problem: string, hint: string): T {
  try {
    return read();
  } catch {
    throw refusal(place, problem, hint);
  }
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

function placeOf(
  { name, file }: { name: string; file: string | undefined },
  kind: string,
  field: string,
  named: string,
): Place & { readonly key: string } {
  const key = named === "" ? `${field}-data` : field;
  const value = named === "" ? key : `${key} ${named}`;
  return file === undefined
    ? { where: named, key: "k8sCaFile" }
    : { where: `${file}: ${value} of ${kind} "${name}"`, key: `${field} of ${kind} "${name}" in ${file}` };
}

function refusal({ where }: Place, problem: string, hint: string): GaswError {
  return new GaswError("CONFIG", `${where} ${problem}`, { hint });
}
