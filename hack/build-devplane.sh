#!/usr/bin/env bash
# Builds the one-process control plane from its pinned modules and shows progress: hack/build-devplane.sh OUTPUT
set -euo pipefail

mkdir -p "$(dirname "$1")"
output=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/devplane"

# What the API server says its version is must be what is compiled in: clients go by it.
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)

echo "devplane: building etcd and kube-apiserver $version from source"
echo "devplane: the first build takes about 10 minutes on two cores; with a warm Go build cache it takes seconds"
total=$(go list -deps . | wc -l)

# go build -v names each package as it is built; whatever else it says is passed on.
progress() {
	local built=0
	SECONDS=0
	while IFS= read -r line; do
		if [[ $line == *[[:space:]]* ]]; then
			echo "$line"
		elif ((++built % 50 == 0)); then
			printf 'devplane: %d of at most %d packages built after %dm%02ds\n' \
				"$built" "$total" $((SECONDS / 60)) $((SECONDS % 60))
		fi
	done
}
go build -v -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$output" . 2>&1 | progress
echo "devplane: built $output"
