#!/usr/bin/env bash
# kustomize 5.0.1 (inside kubectl 1.27) and 5.7.1 take a regular expression in `replacements[].targets[].select` for a literal name. Nothing has
# that name, so they copy nothing, print nothing and exit 0. kustomize 5.8.1 copies the value. Patches take the same pattern in all three.
# Needs Go. Takes some minutes: it compiles three versions.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
mkdir "$folder/in"
cat >"$folder/in/kustomization.yaml" <<'YAML'
resources: [objects.yaml]
replacements:
  - source: { kind: ConfigMap, name: release, fieldPath: data.image }
    targets:
      - select: { kind: Pod, name: cache.* }
        fieldPaths: [spec.containers.0.image]
patches:
  - target: { kind: Pod, name: cache.* }
    patch: |
      - op: add
        path: /metadata/labels
        value: { patched: 'yes' }
YAML
cat >"$folder/in/objects.yaml" <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: { name: release }
data: { image: 'cache:7.4' }
---
apiVersion: v1
kind: Pod
metadata: { name: cache-primary }
spec: { containers: [{ name: cache, image: cache }] }
YAML
status=0
expect() { # version, image
  GOBIN="$folder/$1" GOFLAGS=-mod=mod GOWORK=off go install "sigs.k8s.io/kustomize/kustomize/v5@v$1" 2>"$folder/said" || { cat "$folder/said"; exit 2; }
  local built image patched said
  built=$("$folder/$1/kustomize" build "$folder/in" 2>"$folder/said")
  image=$(sed -n 's/^ *- image: //p' <<<"$built")
  patched=$(grep -c 'patched: "yes"' <<<"$built" || true)
  said=$(wc -c <"$folder/said")
  echo "kustomize $1: image $image, pods patched $patched, bytes of warning $said"
  [ "$image $patched $said" = "$2 1 0" ] || { echo "  expected image $2, pods patched 1, bytes of warning 0"; status=1; }
}
expect 5.0.1 cache
expect 5.7.1 cache
expect 5.8.1 cache:7.4
exit $status
