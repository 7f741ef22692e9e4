#!/usr/bin/env bash
# Names the container engine that can run images on this machine, podman or docker, on standard output, and says on standard
# error what the tests do. Without one it fails. That a program of that name is there is not enough: it is asked to run a
# command that an empty image does not have, which it must report as such.
set -uo pipefail

image=localhost/scanjob-engine-probe:empty
for engine in podman docker; do
	command -v "$engine" >/dev/null || continue
	tar -cf - -T /dev/null | timeout 60 "$engine" import - "$image" >/dev/null 2>&1 || continue
	timeout 60 "$engine" run --rm --network=host "$image" /none >/dev/null 2>&1
	code=$?
	"$engine" rmi "$image" >/dev/null 2>&1
	if [[ $code -eq 127 ]]; then
		echo "container images: built, examined, and run by $engine" >&2
		echo "$engine"
		exit 0
	fi
done
echo "container images: built, examined, and run unpacked, because neither podman nor docker can run a container here" >&2
exit 1
