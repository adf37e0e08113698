/** The sentences of docs/configuration.md, around the keys. */

export const INTRODUCTION = `# Configuration

This page is generated from the schema (\`src/config/schema/schema.ts\`) by \`node
scripts/generate-config-docs.mjs\`. The same schema is published as
[gasw-k8s.schema.json](gasw-k8s.schema.json): refer to it in a file with \`"$schema"\`, or print it
with \`gasw-k8s config schema\`. \`gasw-k8s config show\` prints the effective values with their
sources, \`gasw-k8s config check\` lists all problems and what a submission would lack (with
\`--connect\`, it also tries the cluster), and \`gasw-k8s config init\` writes a starter file, with
\`--gasw DIR\` from what an engine is configured with ([engine.md](engine.md)).
[kubernetes_plugin.conf.example](../kubernetes_plugin.conf.example) has every key.`;

export const SOURCES = `## Where values come from

From the lowest to the highest precedence:

1. the defaults below;
2. the plugin's own files: \`/var/www/cgi-bin/m2Server-gasw3/conf/kubernetes_plugin.conf\`, then
   \`./conf/conf_kubernetes.json\`;
3. the nearest file of this tool, from the working directory upward: \`.gasw-k8src\` (JSON or YAML),
   \`.gasw-k8src.json\`, \`.gasw-k8src.yaml\`, \`.gasw-k8src.yml\`, \`gasw-k8s.config.json\`,
   \`gasw-k8s.config.yaml\`, \`gasw-k8s.config.yml\`, or a \`.gasw-k8src\` of one of these endings in
   \`.config/\`;
4. \`GASW_K8S_*\` environment variables; lists and objects as JSON; empty variables are ignored;
5. command-line options.

\`--config FILE\` or \`GASW_K8S_CONFIG=FILE\` selects one file, which replaces 2 and 3. A file of this
tool that is found but cannot be read is an error; one of the plugin causes a warning. Only JSON and
YAML are read, never code, in UTF-8 or, with a byte order mark, in UTF-16. Jobs can write to their
workflow directory: a file in the workflow directory of the command, or in any folder in which GASW
has run (one with \`sh\`, \`out\` and \`err\`), is ignored with a warning unless it is selected.

Objects are merged over the sources, key by key; lists and \`workflowVolume\` are replaced as a whole.
\`null\` resets a key to its default. An empty string counts as unset, except for
\`options.storageClassName\`. Relative paths are resolved against the directory of the file (for the
plugin's files, the environment and options: the working directory), and \`~/\` is \`$HOME\`. Unknown
keys and variables cause a warning.`;

export const VOLUMES = `A volume with neither \`type\` nor other new keys is a volume of the plugin: the directory \`nfsFolder\`
below \`nfsPath\` on \`nfsAddress\`. An existing claim is
\`{"name":"atlas","type":"claim","mountPathContainer":"/atlas"}\`: the name of the claim is that of
the volume unless \`claimName\` is set, and likewise \`storageClassName\` for \`"type":"storageClass"\`.`;

export const KINDS = `Each key is shown with the kind of its value, its default and its environment variable. Kinds:

- **duration**: a number of seconds, or text with units: \`"90s"\`, \`"15m"\`, \`"1h30m"\`, \`"2h"\`,
  \`"1d"\`, \`"500ms"\`. In \`pending\` also \`"never"\`.
- **whole number**: also as a string, \`"500"\`, as in the plugin's files.
- **quantity**: as in Kubernetes: \`"500m"\` of CPU, \`"2Gi"\` of memory. Memory without a unit (\`"512"\`
  would be 512 bytes) is rejected.`;

export const CLUSTER = `## Access to the cluster

The API server's certificate is verified for every connection: requests, watches and terminals,
directly or through the kubeconfig's \`proxy-url\` (\`http://\`, \`https://\`, \`socks5://\`). Only
\`insecureSkipTlsVerify\`, or \`insecure-skip-tls-verify\` in the kubeconfig, turns that off, with a
warning from every command that connects; \`NODE_TLS_REJECT_UNAUTHORIZED\` does not, and the
certificate of an \`https://\` proxy is verified in any case. An \`http://\` address is rejected unless
it is this machine's own or verification is off. \`HTTPS_PROXY\` and \`NO_PROXY\` count as for kubectl
([kubeconfig.md](kubeconfig.md)).

The kubeconfig's user works as in kubectl: \`tokenFile\` is reread for every request, and \`as\`,
\`as-uid\`, \`as-groups\` and \`as-user-extra\` are all sent. Groups, a uid or extra fields without \`as\`
are rejected.`;

export const SECRETS = `## Secrets

Secrets are never printed or stored in the state or the database: \`k8sToken\`, \`dao.password\`, the
values of \`env\` and of the \`env\` of containers, and any value whose name ends in \`password\`,
\`secret\`, \`token\` or the like. URLs are shown without user and password, mount options without their
values (except numbers), and command lines without the values of options such as \`--token\`.
Arguments of the kubeconfig's login command are removed from its error messages. A \`dao.url\` that
contains a password is rejected and not quoted: put the password in \`dao.passwordFile\`, and write
any other \`@\` as \`%40\`.

The values of \`env\` and \`--env\`, and mount options, are stored in the Jobs, pods and volumes, and
visible to everyone who can read those.`;

export const GENERATIONS = `The keys above are those of the plugin's example file, plus this tool's own. The oldest and the
newest spellings are accepted in every file too. Two spellings of one key with different values in
the same file are an error.`;

export const EXAMPLES = `## Examples

An installation configured like the plugin:

\`\`\`json
{
  "k8sKubeConfig": "/var/www/.kube/config",
  "k8sNamespace": "vip",
  "nfsAddress": "10.0.0.5",
  "nfsPath": "/var/nfs/prod/workflows/",
  "options": {
    "ttlJob": "500",
    "statusRetry": "5",
    "statusRetryWait": "2000",
    "maxRetryToPush": "5",
    "storageClassName": ""
  },
  "volumes": [
    {
      "name": "SharedData",
      "nfsFolder": "SharedData",
      "mountPathContainer": "/var/www/html/workflows/SharedData",
      "accessModes": "ReadOnlyMany"
    }
  ]
}
\`\`\`

A single machine without NFS:

\`\`\`yaml
k8sNamespace: gasw
workflowVolume:
  type: hostPath
resources:
  cpu: 1
  memory: 2Gi
timeout: 4h
\`\`\`

A cluster reached with a token, its workflow directories on a claim, its jobs queued by Kueue:

\`\`\`yaml
k8sAddress: https://cluster.example.org:6443
k8sTokenFile: /etc/gasw-k8s/token
k8sCaFile: /etc/gasw-k8s/ca.crt
k8sNamespace: vip
workflowVolume:
  type: claim
  name: workflows
  subPath: production
volumes:
  - name: scratch
    type: storageClass
    storageClassName: fast
    capacity: 20Gi
    mountPathContainer: /scratch
queue: vip-jobs
pending:
  ImagePullBackOff: 30m
\`\`\`
`;
