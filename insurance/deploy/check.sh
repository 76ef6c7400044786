#!/usr/bin/env bash
# Builds the image and checks the units, where this machine can: needs podman or docker with a
# running daemon, and systemd-analyze. What cannot be checked here is named, and the script fails.
set -uo pipefail
cd "$(dirname "$0")/../.."
missing=0

engine=""
for candidate in podman docker; do
  if command -v "$candidate" >/dev/null 2>&1 && "$candidate" info >/dev/null 2>&1; then
    engine=$candidate
    break
  fi
done
if [ -n "$engine" ]; then
  "$engine" build -f insurance/deploy/Containerfile -t insurance-check . || exit 1
  "$engine" run --rm --read-only --cap-drop=all insurance-check --help >/dev/null || exit 1
  echo "The image is built and its command runs without privileges."
else
  echo "Not checked: no podman or docker with a running daemon."
  missing=1
fi

if command -v systemd-analyze >/dev/null 2>&1; then
  for unit in insurance/deploy/*.service; do
    # The paths of the installation are not on this machine: its shell stands in for them.
    checked=$(mktemp -d)/$(basename "$unit")
    sed -E 's#^(ExecStart=)/[^ ]+#\1/bin/sh#; s#^User=.*#User=root#' "$unit" >"$checked"
    systemd-analyze verify --man=no "$checked" || exit 1
  done
  echo "systemd reads the units."
else
  echo "Not checked: no systemd-analyze."
  missing=1
fi
exit $missing
