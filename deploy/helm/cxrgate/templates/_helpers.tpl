{{- define "cxrgate.labels" -}}
app.kubernetes.io/name: cxrgate
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "cxrgate.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: {{ .Values.group }}
  fsGroup: {{ .Values.group }}
  seccompProfile: {type: RuntimeDefault}
terminationGracePeriodSeconds: 45
{{- end }}

{{- define "cxrgate.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- /* Asked with the service's own certificate; ten minutes to start, then three times without an answer. */}}
{{- define "cxrgate.probes" -}}
startupProbe: {exec: {command: {{ . }}}, periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 60}
readinessProbe: {exec: {command: {{ . }}}, periodSeconds: 10, timeoutSeconds: 10}
{{- end }}
