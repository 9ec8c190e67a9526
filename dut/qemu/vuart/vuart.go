// SPDX-License-Identifier: Apache-2.0

// Package vuart is a 16550A with a real baud rate inside an unmodified QEMU, in the guest's virtual time.
//
// The device itself is C (csrc, GPL-2.0-or-later): Build compiles it into a plugin that QEMU loads with -plugin. All its state is in one
// file, the page, that QEMU and the harness both map: Create makes it, Args names it on QEMU's command line. Out of it come every byte that
// left the transmitter with its time (Drain), rings of the doorbell and firings of triggers (Events), and counters that prove that
// nothing was lost on the way (Stats). Into it go triggers, judged inside QEMU while the virtual clock stands still (SetTriggers), and bytes
// for the guest's receiver (PushRX). A copy of the page that was taken together with a snapshot of the VM resumes with it.
//
// All times are virtual ns: what the guest's own clock counts, not the host's.
package vuart

import (
	"embed"
	"strings"
)

//go:embed csrc/*.c csrc/*.h csrc/*.S
var sources embed.FS

// Option is one setting of the plugin.
type Option string

const (
	Resume      Option = "mode=resume" // the page is a copy that belongs to the snapshot QEMU is about to load
	FastForward Option = "ff=on"       // skip stretches in which the guest only polls, without changing a byte or a time
	// Live looks for received bytes every 2 ms of host time, so that somebody can type at a running machine. Not repeatable.
	Live Option = "live=2"
)

// Args are the parts of QEMU's -plugin argument, to be joined by commas. QEMU's own port is to be kept with a null backend
// (-serial null): it is what makes firmware and ACPI announce COM1. plugin and page are as QEMU opens them.
func Args(plugin, page string, options ...Option) []string {
	args := []string{escape(plugin), "page=" + escape(page)}
	for _, o := range options {
		args = append(args, string(o))
	}
	return args
}

// escape doubles commas, which QEMU's option parser would take as separators.
func escape(s string) string { return strings.ReplaceAll(s, ",", ",,") }

// Sandbox is QEMU's -sandbox argument. QEMU holds code of ours and a hostile guest: it may start no program, change no user and no priority.
// The self-test passes inside it.
const Sandbox = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
