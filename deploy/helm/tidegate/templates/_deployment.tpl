{{/*
One Deployment: (dict "root" $ "component" "deploy-worker" "cfg" .Values.worker "module" "tidegate.deploy_worker"
"port" "TIDEGATE_METRICS_PORT" "env" "…" "account" "…" "automount" true "preStop" 5 "grace" 45 "init" "…").
Everything but the arguments is the same for the three of them.
*/}}
{{- define "tidegate.deployment" -}}
{{- $pod := include "tidegate.pod" . | fromJson -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "tidegate.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "tidegate.labels" . | nindent 4 }}
spec:
  {{- if not (dig "autoscaling" "enabled" false .cfg) }}
  replicas: {{ .cfg.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector:
    matchLabels: {{- include "tidegate.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "tidegate.selector" . | nindent 8 }}
        app.kubernetes.io/part-of: tidegate
        {{- with $pod.labels }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- with $pod.annotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ .account }}
      automountServiceAccountToken: {{ .automount }}
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .grace }}
      securityContext: {{- include "tidegate.podSecurity" . | nindent 8 }}
      {{- with .root.Values.image.pullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with include "tidegate.placement" $pod | trim }}{{ . | nindent 6 }}{{ end }}
      topologySpreadConstraints:
        {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "tidegate.selector" $ | nindent 14 }}
        {{- end }}
      {{- with .init }}
      initContainers: {{- . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "tidegate.image" .root }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          command: [python, -m, {{ .module }}]
          ports: [{name: http, containerPort: 8080}]
          env:
            - {name: TIDEGATE_HOST, value: 0.0.0.0}
            - {name: {{ .port }}, value: "8080"}
            {{- with .env }}{{ . | nindent 12 }}{{ end }}
            {{- with include "tidegate.settings" (merge (deepCopy .cfg.settings) (default dict .common)) | trim }}{{ . | nindent 12 }}{{ end }}
            {{- with $pod.extraEnv }}{{ toYaml . | nindent 12 }}{{ end }}
          # The process answers; a database that is away is no reason to start it again.
          startupProbe: {httpGet: {path: /livez, port: http}, periodSeconds: 2, failureThreshold: 60}
          livenessProbe: {httpGet: {path: /livez, port: http}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6}
          # 503 while it stops, and while its database or its schema is not there.
          readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 5, timeoutSeconds: 8, failureThreshold: 2}
          {{- with .preStop }}
          # The others learn that this pod leaves before it closes its door.
          lifecycle: {preStop: {sleep: {seconds: {{ . }}}}}
          {{- end }}
          securityContext: {{- include "tidegate.containerSecurity" . | nindent 12 }}
          {{- with .cfg.resources }}
          resources: {{- toYaml . | nindent 12 }}
          {{- end }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            {{- with .mounts }}{{ . | nindent 12 }}{{ end }}
            {{- with $pod.extraVolumeMounts }}{{ toYaml . | nindent 12 }}{{ end }}
      volumes:
        - {name: tmp, emptyDir: {sizeLimit: 256Mi}}
        {{- with .volumes }}{{ . | nindent 8 }}{{ end }}
        {{- with $pod.extraVolumes }}{{ toYaml . | nindent 8 }}{{ end }}
{{- end -}}

{{/* What is said of every pod, and what a program (.cfg) says for itself, as JSON. */}}
{{- define "tidegate.pod" -}}
{{- mergeOverwrite (deepCopy .root.Values.pod) (pick .cfg "annotations" "labels" "nodeSelector" "tolerations" "affinity" "priorityClassName" "extraEnv" "extraVolumes" "extraVolumeMounts") | toJson -}}
{{- end -}}

{{/* Where a pod may run: the argument is what "tidegate.pod" says. */}}
{{- define "tidegate.placement" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
What brings the database to this version's schema, as a Job's container or an init container: (dict "root" $ "pod" …),
where pod is that of the pod that it runs in, whose volumes it mounts.
*/}}
{{- define "tidegate.migrations" -}}
{{- $values := .root.Values -}}
- name: migrations
  image: {{ include "tidegate.image" .root }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  command: [python, -m, tidegate.store, migrate{{ if $values.migrations.grants }}, --grants{{ end }}]
  env:
    {{- include "tidegate.databaseEnv" (dict "root" .root "name" "TIDEGATE_DATABASE_URL" "key" $values.database.keys.owner) | nindent 4 }}
    {{- with .pod.extraEnv }}{{ toYaml . | nindent 4 }}{{ end }}
  securityContext: {{- include "tidegate.containerSecurity" . | nindent 4 }}
  resources:
    requests: {cpu: 50m, memory: 128Mi}
    limits: {memory: 384Mi}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- with .pod.extraVolumeMounts }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end -}}

{{- define "tidegate.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "tidegate.labels" . | nindent 4 }}
  {{- with .service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .service.type }}
  selector: {{- include "tidegate.selector" . | nindent 4 }}
  ports: [{name: http, port: {{ .service.port }}, targetPort: http}]
{{- end -}}

{{- define "tidegate.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "tidegate.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "tidegate.labels" . | nindent 4 }}
automountServiceAccountToken: false
{{- end -}}

{{- define "tidegate.disruption" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "tidegate.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "tidegate.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ .root.Values.podDisruptionBudget.maxUnavailable }}
  # A pod that is not ready serves nobody: it must not keep a node from being drained.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "tidegate.selector" . | nindent 6 }}
{{- end -}}

{{- define "tidegate.autoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "tidegate.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "tidegate.labels" . | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "tidegate.fullname" .root }}-{{ .component }}}
  minReplicas: {{ .cfg.autoscaling.minReplicas }}
  maxReplicas: {{ .cfg.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: {{ .cfg.autoscaling.cpuPercent }}}}
{{- end -}}
