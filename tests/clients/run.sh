#!/bin/sh
# Runs the tests of the real client libraries.  usage: run.sh BUILD SLOW
# Without npm it says so and passes, unless CI=true: there a test that did not run is a failure.
set -u
build=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")" || exit 2
skip() {
	echo "clients: skipped: $1"
	[ "${CI:-}" != true ]
	exit
}
command -v npm >/dev/null || skip "npm is missing"
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
	npm ci --no-audit --no-fund --loglevel=error || skip "npm could not install the packages"
	touch node_modules/.package-lock.json
fi
node=node
major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
if [ "$major" -lt 20 ]; then
	# an older Node: a pinned one from npm, beside the packages, outside of the lock file
	node=node_modules/.node/node_modules/node/bin/node
	[ -x $node ] || npm install --no-audit --no-fund --loglevel=error --no-save --prefix node_modules/.node node@22.20.0 || skip "no Node of 20 or later"
fi
SPASS_BUILD=$build SPASS_SLOW=${2:-1} exec $node --test --test-timeout=120000 .
