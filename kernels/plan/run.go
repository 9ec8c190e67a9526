// SPDX-License-Identifier: Apache-2.0

package plan

import "strings"

// Run is somebody's own provocation: the init starts it in the probe's place, delay_ms after the backlog is stored, and rings Provoked before and
// ProvokeDone after it. The probe itself rings the same two codes right before, for a provocation "none", if it is there. Exactly one of Argv and Module is set.
type Run struct {
	Argv   []string `json:"argv,omitempty"`   // a program of the initramfs, with its arguments
	Module string   `json:"module,omitempty"` // a module of the initramfs; the provocation is its init function
	Params string   `json:"params,omitempty"` // of the module
	// Applets: /bin/busybox is there and gets a name for each of its programs.
	Applets bool `json:"applets,omitempty"`
	// AnyCPU lets it run where the kernel likes. Otherwise it runs on provoke_cpu: a kernel may put a program onto the very CPU that flushes
	// the backlog, where it waits until that is done.
	AnyCPU bool `json:"any_cpu,omitempty"`
}

// RunArg is the argument of Provoked for a Run; it is the number of no provocation of the probe's.
const RunArg = 255

// ProbeProvokes is how often Provoked is rung when p's provocation is about to begin, that time included.
func (p *Plan) ProbeProvokes() int64 {
	if p.Run != nil && !p.NoProbe {
		return 2
	}
	return 1
}

func (r *Run) validate(bad func(string, ...any)) {
	absolute := func(name string) bool { return strings.HasPrefix(name, "/") && !strings.Contains(name, "\x00") }
	switch {
	case (len(r.Argv) > 0) == (r.Module != ""):
		bad("run: want argv or module, one of them")
	case r.Module != "" && !absolute(r.Module):
		bad("run: module %q: want an absolute path", r.Module)
	case r.Module == "" && !absolute(r.Argv[0]):
		bad("run: argv %q: want an absolute path", r.Argv[0])
	case r.Module == "" && r.Params != "":
		bad("run: params %q: only a module has them", r.Params)
	}
	for _, a := range append(r.Argv[:len(r.Argv):len(r.Argv)], r.Params) {
		if strings.ContainsAny(a, "\x00\n") {
			bad("run: %q: no line end or zero can be in it", a)
		}
	}
}
