{{- define "gateway.name" -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* The port, by its name, at which /metrics is asked for. */ -}}
{{- define "gateway.scrapePort" -}}
{{ ternary "metrics" "http" (hasKey .Values.settings "metrics_port") }}
{{- end }}

{{- /* Seconds after SIGTERM in which a gateway may still write lines. */ -}}
{{- define "gateway.stopSeconds" -}}
{{ add (ceil (.Values.settings.drain_delay | default 0)) (ceil (.Values.settings.stop_timeout | default 30)) }}
{{- end }}

{{- define "gateway.image" -}}
{{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}

{{- /* Of pods that are no gateways: no Service finds them. */ -}}
{{- define "gateway.journalLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-journal
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gateway.portalLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-portal
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* A pod that does one thing to the journal's database as the owner of its tables; takes the root and the arguments. */ -}}
{{- define "gateway.ownerPod" -}}
restartPolicy: OnFailure
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
containers:
  - name: journal
    image: {{ include "gateway.image" .root | quote }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args: {{ toJson .args }}
    envFrom: [{secretRef: {name: {{ .root.Values.journal.ownerSecret }}}}]
    env: [{name: PORTAL_KEEP_CALLS_MONTHS, value: {{ .root.Values.journal.keepMonths | toString | quote }}}]
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    resources: {{- toYaml .root.Values.journal.resources | nindent 6 }}
    volumeMounts: [{name: tmp, mountPath: /tmp}]
volumes: [{name: tmp, emptyDir: {}}]
{{- end }}

{{- define "gateway.secret" -}}
{{ .Values.secret.existing | default (include "gateway.name" .) }}
{{- end }}

{{- /* What would only come out when pods fail to start, or later. */ -}}
{{- define "gateway.refuse" -}}
{{- $own := .Values.secret.values }}
{{- if not .Values.secret.existing }}
{{- if not (or $own.GATEWAY_JWT_SECRETS .Values.settings.jwks) }}
{{- fail "secret.values.GATEWAY_JWT_SECRETS: no key verifies tokens. Set it, or secret.existing, or settings.jwks." }}
{{- end }}
{{- $many := or .Values.autoscaling.enabled (gt (int .Values.replicas) 1) (gt (int .Values.workers) 1) }}
{{- if and $many (not $own.GATEWAY_REDIS_URL) (not .Values.settings.redis_url) }}
{{- fail "secret.values.GATEWAY_REDIS_URL: without Redis every process would count calls for itself. Set it, or serve with replicas=1, workers=1 and autoscaling.enabled=false." }}
{{- end }}
{{- end }}
{{- if not (or .Values.documents.claim .Values.settings.documents) }}
{{- fail "settings.documents: a link to a document that one pod gave may be asked of another. Set it to s3://bucket/prefix, or documents.claim to a PersistentVolumeClaim that all pods can write to." }}
{{- end }}
{{- if contains "@" (.Values.settings.redis_url | default "") }}
{{- fail "settings.redis_url: a URL with a password belongs to secret.values.GATEWAY_REDIS_URL." }}
{{- end }}
{{- if .Values.journal.enabled }}
{{- if not .Values.journal.secret }}
{{- fail "journal.secret: which database stores the calls? Name a Secret with the key PORTAL_DATABASE_URL." }}
{{- end }}
{{- if hasKey .Values.settings "access_log" }}
{{- fail "settings.access_log does not belong there: the follower reads a file that the chart names. Leave it out, or set journal.enabled=false." }}
{{- end }}
{{- if eq (int .Values.journal.metricsPort) (int (.Values.settings.metrics_port | default 0)) }}
{{- fail "journal.metricsPort: this is the gateway's settings.metrics_port; choose another." }}
{{- end }}
{{- end }}
{{- range $name := list "tls_certificate" "tls_key" }}
{{- if hasKey $.Values.settings $name }}
{{- fail (printf "settings.%s does not belong there: probes would not know of it. Set tls.secret." $name) }}
{{- end }}
{{- end }}
{{- range $name := list "jwt_secrets" "config" }}
{{- if hasKey $.Values.settings $name }}
{{- fail (printf "settings.%s does not belong there: secrets go to secret.values, the TOML file to toml." $name) }}
{{- end }}
{{- end }}
{{- end }}
