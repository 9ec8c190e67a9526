// SPDX-License-Identifier: Apache-2.0

package lab_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"lastpage/dut/bench/power"
	"lastpage/lab"
	"lastpage/lab/bench"
)

// The commented example is a valid inventory, and has every kind of switch and of loader in it.
func TestExample(t *testing.T) {
	inv, err := lab.LoadInventory("boards.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, b := range inv.Boards {
		e, ok := b.Entry.(*bench.Entry)
		if !ok {
			t.Errorf("%s is of kind %s", b.Name, b.Kind)
			continue
		}
		for _, v := range []reflect.Value{reflect.ValueOf(e.Power), reflect.ValueOf(e.Boot)} {
			for i := range v.NumField() {
				if !v.Field(i).IsNil() {
					shown[v.Type().Name()+"."+v.Type().Field(i).Name] = true
				}
			}
		}
	}
	for _, of := range []reflect.Type{reflect.TypeFor[power.Config](), reflect.TypeFor[bench.Boot]()} {
		for f := range of.Fields() {
			if name := of.Name() + "." + f.Name; !shown[name] {
				t.Errorf("no board has the %s", name)
			}
		}
	}
	if k := inv.Boards[1].Entry.(*bench.Entry).Dump.Kdump; k == nil || k.Address != "192.0.2.7/24" || k.Within.Minutes() != 3 {
		t.Errorf("the crash kernel of the second is %+v", k)
	}
	if e := inv.Boards[0].Entry.(*bench.Entry); e.Boot.UBoot.KernelAt != 0x40400000 || e.Dump.Command.Within.Minutes() != 5 {
		t.Errorf("numbers or times are not what is written: %+v", e.Boot.UBoot)
	}
}

// What is wrong in a bench's entry is said with what to do.
func TestBenchRefused(t *testing.T) {
	data, err := os.ReadFile("boards.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for _, c := range []struct{ name, old, with, want string }{
		{"unknown key", "about: the board with the red tape", "colour: red", `key "colour": there is none of that name here`},
		{"a misspelt key", "prompt: \"=> \"", "promt: \"=> \"", `key "promt": there is none of that name here; did you mean prompt`},
		{"a key of another part", "    cpus: 4  ", "    kernel-at: 4  ", "only in another part of an entry"},
		{"no number", "kernel-at: 0x40400000  ", "kernel-at: 0x4040g  ", "] 0x4040g: want a whole number"},
		{"a time without a unit", "within: 1m  ", "within: 1  ", "] 1: want a time with its unit"},
		{"a port that is none", "console: rfc2217://terminal-server:4001", "console: rfc2217:/terminal-server:4001", "want rfc2217://HOST:PORT"},
		{"an unknown kind of port", "console: rfc2217://terminal-server:4001", "console: ssh:terminal-server", "ssh: is no kind of port"},
		{"no console", "console: rfc2217://terminal-server:4001", "", "console: want a serial port"},
		{"two switches", "    # What raises an NMI; leave", "      ipmi: {host: a, user: b}\n    # What raises", "2 switches, want exactly one"},
		{"no off", "        off: pduclient --daemon pdu --hostname rack3 --port 4 --command off\n", "", "want on: and off:"},
		{"no address", "        kernel-at: 0x40400000          # in the board's memory\n", "", "want kernel-at: and initrd-at:"},
		{"unknown start", "start: booti                   #", "start: go #", `start "go": want zboot, booti or bootz`},
		{"both loaders", "    # What brings the board's memory", "      command: {run: x}\n    # What brings", "exactly one of u-boot, netboot, kexec, grub-serial, installed and command"},
		{"a switch's values", "on: 1, off: 2}", "on: 1, off: 1}", "two numbers that differ"},
		{"two ways to a dump", "      kdump:\n", "      command: {run: x}\n      kdump:\n", "dump: want exactly one of command, kdump, pstore and ram"},
		{"a name where an address is wanted", "to: 192.0.2.1:7391 ", "to: server:7391 ", "dump: kdump: to:"},
		{"a log that is kept, and no reset", "    reset:\n      ipmi: {host: box-3-bmc, user: lab, password: secret}\n", "", "want reset:"},
		{"an entry of another loader, and nothing that has it taken", "        once: [grub-editenv - set next_entry=lastpage]", "", "want once:"},
		{"no way to the installed system's disk", "        fetch: wget -q -O {file} http://192.0.2.1/{name}\n", "", "boot: installed: fetch: want what fetches"},
		{"a text where a list is wanted", "setup: [net_bootp]", "setup: net_bootp", "] want a list, such as [a, b]"},
		{"a quote in a value", "about: the board with the red tape", "about: \"the \"red\" board\"", "put quotes around"},
		{"a time below 0", "power: 30s, boot: 3m", "power: -30s, boot: 3m", "want times above 0"},
	} {
		bad := strings.Replace(good, c.old, c.with, 1)
		if bad == good {
			t.Fatalf("%s: nothing was replaced", c.name)
		}
		if _, err := lab.ParseInventory([]byte(bad)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}
