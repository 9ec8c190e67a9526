#!/bin/sh
# The only place where lastpage installs Debian packages. It does nothing when all of them are there.
#   setup.sh [--check]     --check only says what is missing (exit status 1 if anything is)
set -eu

# package                what it is for
packages='
qemu-system-x86          the machine under test
gcc                      builds the UART model and the probe module
libc6-dev                headers for the same
make                     drives the kernel build system
flex                     kernel configuration (kernels built from source)
bison                    kernel configuration
bc                       kernel build
libelf-dev               kernel build: objtool
xz-utils                 unpacks kernel sources and modules
zstd                     unpacks compressed module trees
patch                    applies the strategy patches
ccache                   nothing in a kernel is compiled twice
busybox-static           a shell for the guest in the wire tests
setserial                asks the guest driver what it thinks the UART is
u-boot-qemu              a bootloader prompt for the wire tests
makedumpfile             a second opinion on the ringbuffer
ca-certificates          go modules over TLS
'

# kexec-tools is wanted for vmcore-dmesg only, and installing it changes how the machine reboots: it is unpacked, not installed.
cache=${LASTPAGE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/lastpage}
witness=$cache/witness

check_only=false
[ "${1:-}" = --check ] && check_only=true

missing=
for p in $(printf '%s\n' "$packages" | awk 'NF{print $1}'); do
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null || true)" = installed ] || missing="$missing $p"
done
need_witness=false
[ -x "$witness/sbin/vmcore-dmesg" ] || need_witness=true

if [ -z "$missing" ] && ! $need_witness; then
	exit 0
fi
if $check_only; then
	for p in $missing; do printf '%s\n' "$packages" | grep "^$p "; done
	$need_witness && echo "kexec-tools              (unpacked, not installed) vmcore-dmesg, a witness for the ringbuffer decoder"
	exit 1
fi

command -v apt-get >/dev/null || { echo "setup: this is not a Debian machine; install by hand:$missing" >&2; exit 3; }
root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || { echo "setup: need root or sudo to install:$missing" >&2; exit 3; }
	root=sudo
fi

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "setup: reading Debian's package lists"
$root apt-get -q update >"$log" 2>&1 || { tail -n 20 "$log" >&2; echo "setup: apt-get update failed: is there a network?" >&2; exit 3; }
if [ -n "$missing" ]; then
	echo "setup: installing"
	for p in $missing; do printf '%s\n' "$packages" | grep "^$p "; done | sed 's/^/  /'
	$root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $missing >"$log" 2>&1 ||
		{ tail -n 20 "$log" >&2; echo "setup: apt-get install failed:$missing" >&2; exit 3; }
fi
if $need_witness; then
	echo "setup: unpacking vmcore-dmesg (kexec-tools) into $witness"
	tmp=$(mktemp -d)
	trap 'rm -rf "$log" "$tmp"' EXIT
	chmod 755 "$tmp"
	(cd "$tmp" && apt-get -q download kexec-tools >"$log" 2>&1) ||
		{ tail -n 20 "$log" >&2; echo "setup: cannot download kexec-tools" >&2; exit 3; }
	rm -rf "$witness.new"
	mkdir -p "$witness.new"
	dpkg-deb -x "$tmp"/kexec-tools_*.deb "$witness.new"
	rm -rf "$witness"
	mv "$witness.new" "$witness"
fi
echo "setup: done"
