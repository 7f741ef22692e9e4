{{/* The prefix of all names. The longest that follows is -controller-manager-metrics, and a Service's name ends at 63. */}}
{{- define "scanjob.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 36 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 36 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 36 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "scanjob.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (printf "%s-controller-manager" (include "scanjob.fullname" .)) .Values.serviceAccount.name }}
{{- else -}}
{{ required "serviceAccount.name is required where serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{- define "scanjob.image" -}}
{{- $repository := required "image.repository is required: the repository that `make image` pushed the manager's image to" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "scanjob.labels" -}}
app.kubernetes.io/name: scanjob
app.kubernetes.io/part-of: scanjob
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The labels of the manager's pods. They cannot be changed after the first installation. */}}
{{- define "scanjob.selector" -}}
app.kubernetes.io/name: scanjob
control-plane: controller-manager
{{- end -}}
