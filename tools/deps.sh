#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# deps.sh LIST: installs the Debian packages of LIST that are missing; quiet, and without the network, when none is.
set -euo pipefail

mapfile -t wanted < <(sed 's/#.*//' "$1" | tr -s '[:space:]' '\n' | sed '/^$/d')
# Debian's npm conflicts with node installed another way, so a node that is there already is used.
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then wanted+=(nodejs npm); fi

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then exit 0; fi

echo "installing: ${missing[*]}"
sudo=()
if (($(id -u) != 0)); then sudo=(sudo); fi
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
