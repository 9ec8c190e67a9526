#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The only place where lastpage installs Debian packages. It does nothing when all of them are there.
#   setup.sh [--check]     --check only says what is missing (exit status 1 if a package is)
#   setup.sh --labs        LAVA's dispatcher and labgrid, for the tests of them: unpacked into the cache, not installed
# Only a package that is missing wants root. Exit status 3: a package is missing and cannot be installed.
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
ser2net                  a terminal server for the capture tests and the bench of parts
python3-pyghmi           a BMC for the bench of parts
makedumpfile             a second opinion on the ringbuffer
ca-certificates          go modules over TLS
'

# kexec-tools is wanted for vmcore-dmesg only, and installing it changes how the machine reboots: it is unpacked, not installed.
# It is a witness for the tests; no trial needs it.
cache=${LASTPAGE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/lastpage}
witness=$cache/witness

# What `make lava-test` and the tests of kexec and GRUB want, with what those of its modules import that are used. Installed, LAVA's dispatcher
# pulls in 150 packages. They are for Debian's python3.
labs=$cache/labs
labs_packages='
lava-dispatcher lava-dispatcher-host lava-common lava-server telnet inetutils-telnet
libguestfs0 libvirt0 libhivex0 libfuse2 libyajl2 libssh-4
python3-aiohttp python3-aiosignal python3-async-timeout python3-attr python3-certifi python3-chardet python3-charset-normalizer
python3-configobj python3-frozenlist python3-guestfs python3-idna python3-jinja2 python3-magic python3-markupsafe python3-multidict
python3-netifaces python3-pexpect python3-ptyprocess python3-pyudev python3-requests python3-setproctitle python3-tz python3-urllib3
python3-voluptuous python3-yaml python3-yarl
kexec-tools libxenmisc4.17 libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 libxengnttab1 libxentoolcore1 libxentoollog1
grub-efi-ia32-bin grub-pc-bin grub-common pxelinux syslinux-common
python3-labgrid python3-serial python3-xmodem python3-colors python3-packaging python3-pkg-resources
'

check_only=false labs_only=false
case "${1:-}" in
	'') ;;
	--check) check_only=true ;;
	--labs) labs_only=true ;;
	*) echo "setup: $1: want --check, --labs or nothing" >&2; exit 3 ;;
esac

missing=
for p in $(printf '%s\n' "$packages" | awk 'NF{print $1}'); do
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null || true)" = installed ] || missing="$missing $p"
done
need_witness=false
[ -x "$witness/sbin/vmcore-dmesg" ] || need_witness=true

if ! $labs_only && [ -z "$missing" ] && ! $need_witness; then
	exit 0
fi
if $check_only; then
	for p in $missing; do printf '%s\n' "$packages" | grep "^$p "; done
	if $need_witness; then echo "kexec-tools              (optional; unpacked, not installed) vmcore-dmesg, a witness for the ringbuffer decoder"; fi
	[ -z "$missing" ]
	exit
fi

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
tmp=$(mktemp -d)
trap 'rm -rf "$log" "$tmp"' EXIT

# may_install says whether this user can change the machine; root is then what to put before a command.
root=
may_install() {
	[ "$(id -u)" = 0 ] && return
	root=sudo
	command -v sudo >/dev/null
}

updated=false
update() {
	$updated && return
	echo "setup: reading Debian's package lists"
	$root apt-get -q update >"$log" 2>&1 && updated=true
}

if $labs_only; then
	[ "$(cat "$labs/packages" 2>/dev/null)" = "$(printf %s "$labs_packages")" ] && exit 0
	chmod 755 "$tmp"
	fetch() { (cd "$tmp" && apt-get -q download $labs_packages >"$log" 2>&1); }
	fetch || { may_install && update && fetch; } || { tail -n 3 "$log" >&2; echo "setup: cannot download LAVA's dispatcher and labgrid" >&2; exit 3; }
	echo "setup: unpacking LAVA's dispatcher and labgrid into $labs"
	rm -rf "$labs.new" && mkdir -p "$labs.new"
	for d in "$tmp"/*.deb; do dpkg-deb -x "$d" "$labs.new"; done
	printf %s "$labs_packages" >"$labs.new/packages"
	rm -rf "$labs" && mv "$labs.new" "$labs"
	exit 0
fi

if [ -n "$missing" ]; then
	command -v apt-get >/dev/null || { echo "setup: this is not a Debian machine; install by hand:$missing" >&2; exit 3; }
	may_install || { echo "setup: need root or sudo to install:$missing" >&2; exit 3; }
	update || { tail -n 20 "$log" >&2; echo "setup: apt-get update failed: is there a network?" >&2; exit 3; }
	echo "setup: installing"
	for p in $missing; do printf '%s\n' "$packages" | grep "^$p "; done | sed 's/^/  /'
	$root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $missing >"$log" 2>&1 ||
		{ tail -n 20 "$log" >&2; echo "setup: apt-get install failed:$missing" >&2; exit 3; }
fi

download() {
	(cd "$tmp" && apt-get -q download kexec-tools >"$log" 2>&1)
}

unpack() {
	rm -rf "$witness.new" && mkdir -p "$witness.new" && dpkg-deb -x "$tmp"/kexec-tools_*.deb "$witness.new" && rm -rf "$witness" && mv "$witness.new" "$witness"
}

if $need_witness; then
	echo "setup: unpacking vmcore-dmesg (kexec-tools) into $witness"
	chmod 755 "$tmp"
	# Downloading wants no root, only lists; old lists name versions that are gone.
	if ! { download || { may_install && update && download; }; }; then
		tail -n 3 "$log" >&2
		echo "setup: warning: no vmcore-dmesg: cannot download kexec-tools. Only tests use it. Root's apt-get update, then setup.sh again, cures it" >&2
	elif ! unpack 2>"$log"; then
		tail -n 3 "$log" >&2
		echo "setup: warning: no vmcore-dmesg: cannot unpack it into $witness. Only tests use it" >&2
	fi
fi
echo "setup: done"
