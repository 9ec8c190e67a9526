// SPDX-License-Identifier: Apache-2.0

package plan

import "testing"

func TestParseAddr(t *testing.T) {
	if ip, n, err := ParseAddr("10.0.2.15/24", '/', 32); err != nil || ip != [4]byte{10, 0, 2, 15} || n != 24 {
		t.Errorf("%v, %d, %v", ip, n, err)
	}
	if ip, n, err := ParseAddr("192.0.2.1:65535", ':', 1<<16-1); err != nil || ip != [4]byte{192, 0, 2, 1} || n != 65535 {
		t.Errorf("%v, %d, %v", ip, n, err)
	}
	for _, bad := range []string{"", "10.0.2.15", "10.0.2/24", "10.0.2.256/24", "10.0.2.15/0", "10.0.2.15/33", "10.0.2.15/x", "a.b.c.d/8", "10.0.2.15:24", "10.0.2.1.5/24", "+1.0.0.0/8"} {
		if _, _, err := ParseAddr(bad, '/', 32); err == nil {
			t.Errorf("%q is taken for an address", bad)
		}
	}
}

// What a crash kernel and a kept log ask for is checked before anything boots.
func TestDumpsRefused(t *testing.T) {
	for name, change := range map[string]func(*Plan){
		"two crash kernels": func(p *Plan) {
			p.Kdump = &Kdump{Kernel: "/k", Initrd: "/i", Cmdline: "x"}
			p.Provoke, p.DieAt, p.DieHow = ProvokePanic, StepCrashExec, DeathHang
		},
		"a relative kernel":       func(p *Plan) { p.Kdump = &Kdump{Kernel: "k", Initrd: "/i", Cmdline: "x"} },
		"no command line":         func(p *Plan) { p.Kdump = &Kdump{Kernel: "/k", Initrd: "/i"} },
		"an offer to a name":      func(p *Plan) { p.Offer = &Offer{To: "server:1", Address: "10.0.2.15/24"} },
		"an offer without bits":   func(p *Plan) { p.Offer = &Offer{To: "10.0.2.2:1", Address: "10.0.2.15"} },
		"an offer's gateway":      func(p *Plan) { p.Offer = &Offer{To: "10.0.2.2:1", Address: "10.0.2.15/24", Gateway: "x"} },
		"a relative module":       func(p *Plan) { p.Pstore = &Pstore{Modules: []string{"ramoops.ko"}} },
		"parameters of two lines": func(p *Plan) { p.Pstore = &Pstore{Params: "a\nb"} },
	} {
		p := Default("0123abcd", 2)
		if change(p); p.Validate() == nil {
			t.Errorf("%s: nothing is wrong with it", name)
		}
	}
	p := Default("0123abcd", 2)
	p.Kdump = &Kdump{Kernel: CrashKernel, Initrd: CrashInitrd, Cmdline: "console=ttyS0"}
	p.Pstore = &Pstore{Modules: []string{PstoreFolder + "/ramoops.ko"}, Params: "ecc=1"}
	p.Offer = &Offer{To: "10.0.2.2:7391", Address: "10.0.2.15/24", Gateway: "10.0.2.1"}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
}
