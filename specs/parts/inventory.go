// SPDX-License-Identifier: Apache-2.0

package parts

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"lastpage/dut/qemu"
)

// Board is one board of the bench.
type Board struct {
	Name, Kind string
	Console    string // HOST:PORT of RFC 2217, as the inventory has it
	Plug, Bare string // the machine's own ports: RFC 2217, and bytes alone
	PTY        string // the same bytes
	Control    string // command that switches it, without its last word
	Socket     string // of that
	TFTP       string // folder
	BMC        int    // port; 0: commands switch it
	Memory     int    // MiB
	Keeps      bool   // its log is kept in memory over a reset
	Words      string // more for the command line of a trial's kernel
	Receiver   int    // port here that the kernel after it calls; 0: it has none
	Remembers  bool   // its memory is read after a reset

	dir         string
	firmware    string
	disk        string // file; "": it has none
	server, bmc *task  // nil: it has none
}

// entry is a board as a user writes it down. What is empty is that of the bench.
type entry struct {
	Board
	Name, Password, Source, Reset string
	Boot                          string // a block of YAML; "": U-Boot, typed at
}

// Cmdline is what a guest of this machine, in its time, needs to know.
func (entry) Cmdline() string { return qemu.CounterWord() }

var inventory = template.Must(template.New("board").Parse(`  - name: {{.Name}}
    kind: bench
    about: U-Boot{{if eq .Kind "plain"}} behind ser2net{{end}}{{if .BMC}} with a BMC{{end}}
    cpus: 1
    console: {{.Source}}
{{- if .BMC}}
    power: {ipmi: {host: 127.0.0.1, port: {{.BMC}}, user: lab, password: {{.Password}}}}
    nmi: {ipmi: {host: 127.0.0.1, port: {{.BMC}}, user: lab, password: {{.Password}}}}
{{- else}}
    power:
      command:
        on: {{.Control}} on
        off: {{.Control}} off
        state: {{.Control}} status
    nmi: {command: {{.Control}} nmi}
{{- end}}
    boot:
{{- if .Boot}}
{{.Boot}}
{{- else}}
      u-boot:
        folder: {{.TFTP}}
        setup: ["setenv autoload no; pci enum; virtio scan; dhcp"]
        kernel-at: 0x4000000
        initrd-at: 0x8000000
        start: zboot
{{- end}}
    dump:
{{- if .Remembers}}
      ram: {listen: "127.0.0.1:{{.Receiver}}", to: "10.0.2.2:{{.Receiver}}", address: 10.0.2.15/24, drivers: [virtio_net], within: 10m}
    reset: {command: '{{.Control}} {{.Reset}}'}
{{- else if .Receiver}}
      kdump: {listen: "127.0.0.1:{{.Receiver}}", to: "10.0.2.2:{{.Receiver}}", address: 10.0.2.15/24, drivers: [virtio_net], within: 10m}
{{- else if .Keeps}}
      pstore: {at: 0x30000000, drivers: [ramoops], within: 10m}
    reset: {command: '{{.Control}} {{.Reset}}'}
{{- else}}
      command:
        run: {{.Control}} dump "$LASTPAGE_DUMP"
        within: 3m
{{- end}}
    cmdline: {{.Cmdline}}{{with .Words}} {{.}}{{end}}
    within: {boot: 10m}
    doubt: QEMU in host time may die where a kernel patches its own text
`))

// write writes an inventory of boards.
func (b *Bench) write(path string, boards ...*Board) error {
	var text bytes.Buffer
	text.WriteString("boards:\n")
	for _, d := range boards {
		if err := inventory.Execute(&text, entry{Board: *d, Name: d.Name, Password: Password, Source: "rfc2217://" + d.Console, Reset: "reset"}); err != nil {
			return err
		}
	}
	return os.WriteFile(path, text.Bytes(), 0o644)
}

// Dumping writes an inventory of a board of which a reset reads the memory before, into a file.
func (b *Bench) Dumping(d *Board, name, file string) (string, error) {
	var text bytes.Buffer
	text.WriteString("boards:\n")
	e := entry{Board: *d, Name: name, Source: "rfc2217://" + d.Console, Reset: fmt.Sprintf("dump %s && %s reset", file, d.Control)}
	if err := inventory.Execute(&text, e); err != nil {
		return "", err
	}
	path := filepath.Join(b.o.Dir, name+".yaml")
	return path, os.WriteFile(path, text.Bytes(), 0o644)
}

// Booting writes an inventory of a board under another name that is booted as a block of YAML says, and gives its path.
func (b *Bench) Booting(d *Board, name, boot string) (string, error) {
	var text bytes.Buffer
	text.WriteString("boards:\n")
	e := entry{Board: *d, Name: name, Password: Password, Source: "rfc2217://" + d.Console, Reset: "reset", Boot: boot}
	if err := inventory.Execute(&text, e); err != nil {
		return "", err
	}
	path := filepath.Join(b.o.Dir, name+".yaml")
	return path, os.WriteFile(path, text.Bytes(), 0o644)
}

// Other writes an inventory of a board under another name, with another password of its BMC or another console where these are not
// empty, and gives its path.
func (b *Bench) Other(d *Board, name, password, console string) (string, error) {
	e := entry{Board: *d, Name: name, Password: Password, Source: "rfc2217://" + d.Console, Reset: "reset"}
	if password != "" {
		e.Password = password
	}
	if console != "" {
		e.Source = console
	}
	var text bytes.Buffer
	text.WriteString("boards:\n")
	if err := inventory.Execute(&text, e); err != nil {
		return "", err
	}
	path := filepath.Join(b.o.Dir, fmt.Sprintf("%s.yaml", name))
	return path, os.WriteFile(path, text.Bytes(), 0o644)
}
