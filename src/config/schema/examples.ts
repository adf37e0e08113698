import { DEFAULT_PENDING } from "./pending.ts";

/** One sensible value for every key: the example file, the starter file and the reference page show these. */

/**
 * Under canonical keys, in the order of the schema; the plugin's own in the form that its shipped example
 * has.
 */
export const EXAMPLE = {
  k8sAddress: "https://cluster.example.org:6443",
  k8sToken: "",
  k8sTokenFile: "/etc/gasw-k8s/token",
  k8sCaFile: "/etc/gasw-k8s/ca.crt",
  k8sKubeConfig: "/etc/gasw-k8s/kubeconfig",
  k8sContext: "production",
  insecureSkipTlsVerify: false,
  k8sNamespace: "vip",
  nfsAddress: "nfs.example.org",
  nfsPath: "/var/nfs/prod/workflows/",
  workflowsLocation: "/var/www/html/workflows",
  workflowVolume: { type: "nfs", capacity: "1Gi" },
  volumes: [
    {
      name: "SharedData",
      nfsFolder: "SharedData",
      mountPathContainer: "/var/www/html/workflows/SharedData",
      accessModes: "ReadOnlyMany",
    },
    { name: "atlas", type: "claim", claimName: "atlas-v2", subPath: "2024", mountPathContainer: "/atlas" },
    {
      name: "models",
      type: "hostPath",
      path: "/srv/models",
      mountPathContainer: "/models",
      mountOptions: [],
    },
    {
      name: "scratch",
      type: "storageClass",
      storageClassName: "fast",
      capacity: "20Gi",
      mountPathContainer: "/scratch",
    },
  ],
  image: "registry.example.org/vip/base:1.4",
  imagePullPolicy: "IfNotPresent",
  imagePullSecrets: ["registry-login"],
  resources: {
    cpu: "1",
    cpuLimit: "2",
    memory: "2Gi",
    ephemeralStorage: "5Gi",
    gpu: 0,
    extended: { "nvidia.com/mig-1g.5gb": 1 },
  },
  env: { OMP_NUM_THREADS: "1" },
  nodeSelector: { "kubernetes.io/arch": "amd64" },
  tolerations: [{ key: "dedicated", operator: "Equal", value: "vip", effect: "NoSchedule" }],
  labels: { "example.org/team": "imaging" },
  annotations: { "example.org/contact": "vip-support@example.org" },
  priorityClassName: "batch",
  serviceAccountName: "gasw-jobs",
  schedulerName: "default-scheduler",
  runtimeClassName: "nvidia",
  affinity: {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 50,
          preference: {
            matchExpressions: [{ key: "example.org/disk", operator: "In", values: ["ssd", "nvme"] }],
          },
        },
      ],
    },
  },
  topologySpreadConstraints: [
    {
      maxSkew: 5,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: { "app.kubernetes.io/component": "job" } },
    },
  ],
  timeout: "24h",
  terminationGracePeriodSeconds: 120,
  initContainers: [
    {
      name: "wait-for-data",
      image: "busybox:1.37",
      command: ["sh", "-c", "until test -e /atlas/ready; do sleep 1; done"],
    },
  ],
  sidecars: [{ name: "metrics", image: "registry.example.org/vip/metrics:0.3" }],
  securityContext: { runAsUser: 33, runAsGroup: 33 },
  queue: "vip-jobs",
  options: {
    ttlJob: "500",
    statusRetry: "5",
    statusRetryWait: "2000",
    maxRetryToPush: "5",
    storageClassName: "",
    bindTimeout: "2m",
    requestsPerSecond: 50,
  },
  pending: DEFAULT_PENDING,
  outputGrace: "90s",
  retryCount: 5,
  retryMemoryGrowth: 1,
  retryUnknownEnd: false,
  onHeld: "hold",
  retryAvoidNode: false,
  dao: {
    url: "jdbc:h2:tcp://localhost:9092/{workflowDir}/db/jobs",
    user: "gasw",
    password: "",
    passwordFile: "/etc/gasw-k8s/dao-password",
    driverJar: "/var/www/cgi-bin/m2Server-gasw3/lib/h2.jar",
    timeZone: "Europe/Paris",
    minorStatus: false,
    repairStatusColumn: false,
    timeout: "30s",
  },
  state: { path: "/var/lib/gasw-k8s/state.db" },
} as const;
