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
