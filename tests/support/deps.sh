#!/bin/sh
# Installs the Debian packages that building (build), testing (check) or measuring (bench), fuzzing (fuzz) or linting (lint) needs,
# through sudo when not root.  Prints nothing when all are there.
set -eu
build="gcc make pkg-config libwebsockets-dev libwebsockets-evlib-ev libcurl4-openssl-dev libjansson-dev
libsqlite3-dev libyaml-dev libncurses-dev libreadline-dev libev-dev libboost-context-dev libmd4c-dev
zlib1g-dev liblz4-dev libssl-dev libstemmer-dev libarchive-dev libxml2-dev poppler-utils ca-certificates"
check="libcmocka-dev curl openssl tmux gzip xz-utils sqlite3 groff pandoc jq python3"
bench="nginx-light procps strace iproute2"
fuzz="clang-14 libclang-rt-14-dev"
lint="clang-tidy-14 clang-format-14 cppcheck shellcheck"
want=$build
case ${1:-build} in
build) ;;
check) want="$build $check" ;;
bench) want="$build $check $bench" ;;
fuzz) want="$build $check $fuzz" ;;
lint) want="$build $lint" ;;
*) echo "usage: deps.sh build|check|bench|fuzz|lint" >&2; exit 2 ;;
esac

stamp=build/.deps-${1:-build}
[ -e "$stamp" ] && [ ! "$0" -nt "$stamp" ] && exit 0
command -v dpkg-query >/dev/null 2>&1 || { mkdir -p build; : > "$stamp"; exit 0; }
missing=
for package in $want; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
	echo "installing:$missing" >&2
	root=
	[ "$(id -u)" = 0 ] || root=sudo
	$root apt-get update -qq
	# shellcheck disable=SC2086
	$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
fi
mkdir -p build
: > "$stamp"
